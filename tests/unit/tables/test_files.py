"""Files of a bank on a local disk: whole or not at all, and no JVM needed."""

from pathlib import Path

import pytest

from databank.errors import DamagedTableError
from databank.tables.files import LocalFiles


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(f"file:{tmp_path}", tmp_path)


def test_a_disk_that_fills_while_a_file_is_written_leaves_the_old_one(
    files: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write("reports/latest.html", "old")
    write = Path.write_text

    def half(path: Path, text: str, **more: str) -> int:
        write(path, text[: len(text) // 2], encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="No space left"):
        files.write("reports/latest.html", "a new page")
    assert files.read("reports/latest.html") == "old"
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["latest.html"]


def test_a_checksum_of_the_former_file_goes_with_it(files: LocalFiles, tmp_path: Path) -> None:
    files.write("t/_delta_log/1.json", "old")
    checksum = tmp_path / "t/_delta_log/.1.json.crc"
    checksum.write_bytes(b"crc")
    files.write("t/_delta_log/1.json", "new")
    assert not checksum.exists()


def test_a_file_is_made_once_and_paths_may_be_full(files: LocalFiles, tmp_path: Path) -> None:
    assert files.create("a/b", "first")
    assert not files.create(f"file:{tmp_path}/a/b", "second")
    assert files.read(str(tmp_path / "a/b")) == "first"
    assert files.move("a/b", "a/c")
    assert not files.move("a/b", "a/d")
    assert (files.names("a"), files.names("nowhere")) == (["c"], [])
    files.delete("a")
    files.delete("a")
    assert not files.exists("a")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PermissionError):
        files.create("file/lease", "x")


def test_commits_are_listed_in_order_and_a_damaged_one_is_named(
    files: LocalFiles, tmp_path: Path
) -> None:
    entry = '{"commitInfo":{"operation":"WRITE","userMetadata":"databank:r"}}'
    log = "core/made/_delta_log"
    for version in (3, 10, 2):
        files.write(f"{log}/{version:020d}.json", entry)
    files.write(f"{log}/{2:020d}.checkpoint.parquet", "")
    assert files.last_version("core/made") == 10
    assert [commit.version for commit in files.commits("core/made", 2)] == [3, 10]
    files.write(f"{log}/{3:020d}.json", "")
    with pytest.raises(DamagedTableError, match=r"core\.made: .*03\.json: is no commit of Delta"):
        files.commits("core/made")
    assert files.last_version("core/none") is None
