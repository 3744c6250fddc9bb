"""What commits of a log mean: whose they are, what they leave, whether a ledger holds."""

import pytest

from databank.tables.commits import Commit, altering_commit, altering_since, parse_commit


def log(*entries: str) -> list[Commit]:
    """Commits from version 0 on: `run` appends, `foreign OPERATION`, `restore N` by anybody."""
    commits = []
    for version, entry in enumerate(entries):
        kind, _, rest = entry.partition(" ")
        if kind == "restore":
            commits.append(Commit(version, "RESTORE", None, 0, restored=int(rest)))
        elif kind == "foreign":
            commits.append(Commit(version, rest, None, 0))
        else:
            commits.append(Commit(version, "WRITE", f"databank:{entry}", 1, adds=True))
    return commits


@pytest.mark.parametrize(
    ("entries", "culprit"),
    [
        ((), None),
        (("a", "b"), None),
        (("a", "foreign VACUUM START", "foreign VACUUM END", "foreign OPTIMIZE", "b"), None),
        (("a", "foreign DELETE"), 1),
        (("a", "foreign WRITE", "b", "foreign DELETE"), 1),
        # taken back before anything was appended
        (("a", "foreign DELETE", "restore 0"), None),
        (("a", "foreign DELETE", "restore 0", "b"), None),
        # what was appended since goes with it
        (("a", "foreign DELETE", "b", "restore 0"), 3),
        (("a", "b", "restore 0"), 2),
        (("a", "b", "restore 0", "restore 1"), None),
        (("a", "b", "restore 0", "c"), 2),
        (("a", "b", "restore 0", "c", "restore 3"), 2),
        (("a", "b", "restore 0", "c", "restore 1"), 4),
    ],
)
def test_a_ledger_holds_what_databank_appended_or_the_commit_is_named(
    entries: tuple[str, ...], culprit: int | None
) -> None:
    altering = altering_commit(log(*entries))
    assert (altering.version if altering else None) == culprit


def test_a_log_of_which_delta_cleared_the_beginning_is_judged_by_the_rest() -> None:
    assert altering_commit(log("a", "b", "c")[1:]) is None
    # nobody can tell what lay before the log
    lost = altering_commit(log("a", "b", "c", "restore 0")[1:])
    assert lost is not None
    assert lost.version == 3


def test_what_is_left_of_a_table_after_its_published_version() -> None:
    commits = log("a", "b", "foreign OPTIMIZE", "c", "restore 0", "foreign VACUUM END", "d")
    assert [commit.version for commit in altering_since(commits[1:], 0)] == [6]
    assert altering_since(commits[1:6], 0) == []
    assert [commit.version for commit in altering_since(commits[2:], 1)] == [3, 4, 6]


def test_a_file_of_the_log_is_read_or_refused() -> None:
    info = '{"commitInfo":{"operation":"RESTORE","operationParameters":{"version":"4"}}}'
    commit = parse_commit(7, '{"protocol":{}}\n' + info)
    assert (commit.version, commit.restored, commit.run) == (7, 4, None)
    named = '{"commitInfo":{"operation":"WRITE","userMetadata":"databank:20260101-make-1"}}'
    assert parse_commit(1, named).run == "20260101-make-1"
    for text in ("", " \n", "garbage", '{"commitInfo"'):
        with pytest.raises(ValueError, match=r"empty|Expecting"):
            parse_commit(1, text)
