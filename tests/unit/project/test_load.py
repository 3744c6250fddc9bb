"""The whole configuration: every fault of every file in one pass."""

import shutil
from pathlib import Path

import pytest

from databank.cli.main import exit_code
from databank.errors import ConfigFaultsError, DataBankError
from databank.project.load import load_project
from databank.project.plan import plan_all, plan_job

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of the demo's configuration that a test may spoil."""
    return Path(shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("examples")))


def faults(conf: Path) -> list[str]:
    with pytest.raises(ConfigFaultsError) as caught:
        load_project(conf)
    return str(caught.value).splitlines()


def write(conf: Path, name: str, text: str) -> None:
    (conf / name).write_text(text)


def test_the_demos_configuration_is_valid() -> None:
    counts = load_project(CONF).counts()
    assert counts["sources"] == 7
    assert min(counts.values()) >= 1


_SELECT = "{{name: x, kind: sql, gives: text, select: 'SELECT person_id, event AS value FROM {0}'}}"


@pytest.mark.parametrize("name", ["online_retail", "taobao_userbehavior"])
def test_the_examples_are_valid(name: str) -> None:
    assert load_project(CONF / "examples" / name).counts()["tags"] >= 8


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("{name: x, kind: rule, wen: a > 1}", "unknown key; did you mean 'when'?"),
        (
            "{name: x, kind: rule, when: logins_30 > 1}",
            "unknown tag logins_30; did you mean 'logins_30d'?",
        ),
        ("{name: x, kind: rule, when: \"evnts('login') > 1\"}", "unknown function 'evnts'"),
        ("{name: x, kind: rule, when: \"in_audience('nobody')\"}", "unknown audience nobody"),
        ("{name: x, kind: model, model: churm}", "unknown model churm; did you mean 'churn'?"),
        ("{name: x, kind: percentile, of: spend, share: much}", "share: wrong value"),
        ("{name: x, kind: percentile, of: city, share: 0.2}", "'x' ranks city, which is a text"),
        ("{name: x, kind: lookup, of: active, values: {a: b}}", "looks up active, which is a bool"),
        ("{name: x, kind: lookup, of: city, table: no.csv}", "no.csv: there is no such file"),
        (
            "{name: x, kind: measure, event: read, measure: sum(category)}",
            "sum_of() of 'category', which is a text; declare it as a number in archive.yml",
        ),
        ("{name: x, kind: measure, event: read, measure: sum(1)}", "write one of: count"),
        (_SELECT.format("archive.person_dai"), "did you mean 'archive.person_day'?"),
        (_SELECT.format("audiences.member"), "which is no table of core, identity, archive"),
        (
            "{name: x, kind: measure, event: read, measure: distinct, by: categry}",
            "does not keep apart; did you mean 'category'?",
        ),
        ("{name: x, kind: measure, event: login}", "lacks `measure`"),
        (
            "{name: x, kind: measure, event: visit, measure: distinct, by: chanel}",
            "does not keep apart; did you mean 'channel'?",
        ),
        (
            "{name: x, kind: measure, event: visit, measure: count, window: last 6 hours}",
            "windows over 'visit', made of sessions, look at whole days, not at 'last 6 hours'; "
            "write 'last 1 day', or name an event of the sessions",
        ),
        (
            "{name: x, kind: rule, when: \"events('login', 'ever', \\\"colour = 1\\\") > 1\"}",
            "uses 'colour', which the archive does not keep apart",
        ),
        (
            "{name: x, kind: rule, when: \"logins_30d = 'high'\"}",
            "`logins_30d = 'high'` compares a number with the text 'high'; write a number",
        ),
        ("{name: x, kind: rule, when: logins_30d}", "logins_30d is a number, and no condition"),
        (
            "{name: x, kind: rule, when: \"stage() = 'loyal'\"}",
            "stage() is never 'loyal'; did you mean 'loyalty'?",
        ),
        (
            "{name: x, kind: rule, when: \"churn_risk = 'hihg'\"}",
            "churn_risk is never 'hihg'; did you mean 'high'?",
        ),
        (
            "{name: x, kind: rule, when: \"gender in ('female', 'men')\"}",
            "gender is never 'men'; known: male, female, unknown",
        ),
        (
            "{name: x, kind: rule, when: \"events('read', 'ever', \\\"category = 5\\\") > 1\"}",
            "filter of events(): `category = 5` compares a text with a number; write '5'",
        ),
        (
            "{name: x, kind: rule, when: \"events('read', 'ever', 'n') > 1\"}",
            "filter of events(): n is a number, and no condition",
        ),
        (
            "{name: x, kind: attribute, attribute: city, sources: [crn]}",
            "unknown source 'crn'; did you mean 'crm'?",
        ),
        (
            "{name: x, kind: attribute, attribute: city, sources: [web]}",
            "source 'web' has events, and no profiles",
        ),
        (
            "{name: x, kind: person_list, identifier: phone, table: a.csv, region: UK}",
            "unknown region 'UK'",
        ),
    ],
)
def test_a_wrong_tag_is_named_with_its_remedy(conf: Path, tag: str, message: str) -> None:
    write(conf, "tags/zz.yml", f"tags:\n  - {tag}\n")
    lines = faults(conf)
    assert any(line.startswith("tags/zz.yml: tags[0]") and message in line for line in lines), lines


def test_a_probability_says_what_its_model_means(conf: Path) -> None:
    write(
        conf,
        "tags/zz.yml",
        "tags:\n  - {name: x, kind: probability, model: gender_from_name@champion, at_least: 0.8}\n"
        "  - {name: y, kind: probability, model: churn, at_least: 0.8, outcomes: [goes, stays]}\n",
    )
    tags = {tag.name: tag for tag in load_project(conf).tags}
    assert tags["x"].outcomes == tags["gender"].outcomes == ("female", "male")
    assert tags["y"].outcomes == ("goes", "stays")
    write(conf, "tags/zz.yml", "tags:\n  - {name: x, kind: probability, model: churn}\n")
    assert "lacks `at_least`" in faults(conf)[0]
    tag = "{name: x, kind: probability, model: churn, at_least: 0.8, outcomes: [yes, unknown]}"
    write(conf, "tags/zz.yml", f"tags:\n  - {tag}\n")
    assert "write two that differ, and neither 'unknown'" in faults(conf)[0]


def test_a_model_of_no_known_algorithm(conf: Path) -> None:
    write(conf, "models/zz.yml", "model: x\nalgorithm: ngram_regresion\nlabel: {}\n")
    assert any("did you mean 'ngram_regression'" in line for line in faults(conf))
    text = (conf / "models/gender_from_name.yml").read_text().replace("ngram", "nrgam")
    write(conf, "models/zz.yml", text.replace("model: gender_from_name", "model: y"))
    lines = [line for line in faults(conf) if line.startswith("models/zz.yml")]
    assert len(lines) == 1
    assert "did you mean 'ngram_regression'" in lines[0]


def test_without_sessions_a_visit_has_no_channel(conf: Path) -> None:
    kept, _, _ = (conf / "archive.yml").read_text().partition("sessions:")
    write(conf, "archive.yml", kept)
    lines = faults(conf)
    assert len(lines) == 2  # of its dimension and of its filter
    assert all("'visit'" in line and "'channel'" in line for line in lines)


def test_faults_of_several_files_come_together(conf: Path) -> None:
    write(conf, "databank.yml", "timezone: Mars/Olympus\n")
    write(conf, "audiences/zz.yml", "audience: zz\nwere: 'true'\n")
    files = {line.split(":")[0] for line in faults(conf)}
    assert files == {"databank.yml", "audiences/zz.yml"}


def test_a_circle_is_refused_with_its_path(conf: Path) -> None:
    write(conf, "audiences/ya.yml", "audience: ya\nwhere: in_audience('yb')\n")
    write(conf, "tags/zz.yml", "tags: [{name: zt, kind: rule, when: \"in_audience('ya')\"}]\n")
    write(conf, "audiences/yb.yml", "audience: yb\nwhere: zt\n")
    path = "audience ya -> audience yb -> tag zt -> audience ya"
    assert any(path in line for line in faults(conf))


def test_two_tags_of_one_name_are_refused(conf: Path) -> None:
    tag = "{name: twice, kind: rule, when: 'true'}"
    write(conf, "tags/zz.yml", f"tags: [{tag}, {tag}]\n")
    assert any("tag 'twice' is in tags/zz.yml too" in line for line in faults(conf))


def test_a_tag_in_use_is_neither_retired_nor_a_draft(conf: Path) -> None:
    old = "{name: old, kind: rule, status: retired, when: logins_30d > 1}"
    new = "{name: new, kind: rule, status: draft, when: logins_30d > 1}"
    more = "{name: more, kind: rule, status: draft, when: new}"
    older = "{name: older, kind: rule, status: retired, when: old}"
    write(conf, "tags/zz.yml", f"tags: [{old}, {older}, {new}, {more}]\n")
    project = load_project(conf)
    assert "old" not in {tag.name for tag in project.tags}
    everything = [name for step in plan_all(project, None) for name in step.nodes]
    assert not {"old", "new", "more"} & set(everything)
    assert not {"new", "more"} & {
        n for step in plan_job("build_tags", project, None) for n in step.nodes
    }
    assert [step.nodes for step in plan_job("build_tags", project, "more")] == [("more",)]
    planned = {name for step in plan_all(project, "more") for name in step.nodes}
    assert {"logins_30d", "new", "more"} <= planned
    write(conf, "audiences/zz.yml", "audience: zz\nwhere: old or more\n")
    lines = faults(conf)
    assert any("tag 'old' is retired, and used by audience zz; take it out" in f for f in lines)
    assert any("tag 'more' is a draft, and used by audience zz; make it ac" in f for f in lines)
    assert not any("'new'" in line for line in lines)


def test_an_identifier_without_a_strength_is_refused(conf: Path) -> None:
    text = (conf / "identity.yml").read_text().replace("  - cookie\n", "")
    write(conf, "identity.yml", text.replace("  cookie: {user_id: 1, phone: 2, any: 20}\n", ""))
    assert any("type without a strength" in line for line in faults(conf))


def test_the_plan_names_each_part_in_order() -> None:
    steps = [step.job for step in plan_all(load_project(CONF), None)]
    assert steps[:4] == ["ingest", "resolve_identity", "resolve_entities", "build_archive"]
    assert steps[-1] == "publish_report"
    whose = {node.name: node.entity for node in load_project(CONF).graph}
    parts = [step.nodes for step in plan_all(load_project(CONF), None) if step.nodes]
    assert all(len({whose[name] for name in part}) == 1 for part in parts)
    assert steps.index("train_model") < steps.index("score_model") < steps.index("build_audiences")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("entity: houshold\nwhere: family", "entity: unknown entity 'houshold'; did you mean 'hou"),
        ("where: family", "tag family is a household's, and this is a person's; make an audience"),
        ("entity: household\nwhere: top_spender", "tag top_spender is a person's, and this is a h"),
        ("where: persons > 2", "unknown tag persons"),
    ],
)
def test_whose_an_audience_is_has_to_fit(conf: Path, entry: str, message: str) -> None:
    write(conf, "audiences/zz.yml", f"audience: zz\n{entry}\n")
    lines = faults(conf)
    assert any(line.startswith("audiences/zz.yml: ") and message in line for line in lines), lines


def test_an_address_needs_an_entity(conf: Path) -> None:
    text = (conf / "identity.yml").read_text().replace("by: [address]", "by: [landline]")
    write(conf, "identity.yml", text)
    assert any("identifiers.address: type without a strength" in line for line in faults(conf))


def test_only_limits_the_plan_to_what_a_node_stands_on() -> None:
    project = load_project(CONF)
    jobs = {step.job for step in plan_all(project, "churn")}
    assert jobs == {"ingest", "resolve_identity", "build_archive", "train_model", "score_model"}
    jobs = {step.job for step in plan_all(project, "family_shoppers")}
    assert jobs >= {"resolve_entities", "build_tags", "build_audiences"}
    with pytest.raises(DataBankError, match="did you mean 'churn'"):
        plan_job("train_model", project, "churm")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "bild_tags", "--date", "2026-03-31"], "did you mean 'build_tags'?"),
        (["run", "all", "--date", "31.3.2026"], "write it as YYYY-MM-DD"),
        (["run", "all", "--date", "2100-01-01"], "lies in the future"),
        (["run", "all", "--date", "2026-03-31", "--only", "churm"], "did you mean 'churn'?"),
        (["validate", "--conf-dir", "nowhere"], "give the one that holds identity.yml"),
        (["tables", "core.evnts"], "did you mean 'core.events'?"),
        (["runs", "--root", "nowhere"], "there is no such folder"),
        (["demo", "--dirt", "nowhere.yml", "--root", "nowhere"], "nowhere.yml"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(CONF.parent)
    assert exit_code(arguments) == 2
    shown = capsys.readouterr().err.strip()
    assert message in shown
    assert len(shown.splitlines()) == 1


def test_a_dry_run_prints_the_plan_and_starts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONF.parent)
    assert exit_code(["run", "train_model", "--date", "2026-03-31", "--dry-run"]) == 0
    assert capsys.readouterr().out == "train_model: churn, gender_from_name, high_value\n"


def test_all_faults_of_an_entry_come_in_one_pass(conf: Path) -> None:
    when = "evnts('a') > 1 and sum(logins_30) > 2 and city in ('x' 'y') and best_2 = y"
    write(
        conf,
        "tags/zz.yml",
        f'tags:\n  - {{name: x, kind: rule, when: "{when}"}}\n'
        "  - {name: y, kind: measure, evnt: login, measure: count}\n"
        "  - {name: best, kind: top, event: buy, by: shop, k: 3}\n",
    )
    lines = [line for line in faults(conf) if line.startswith("tags/zz.yml")]
    assert len(lines) == 6
    assert any("unknown tag logins_30; did you mean 'logins_30d'?" in line for line in lines)
    for word in ("'evnts'", "sum() is of many rows", "side by side"):
        assert any("tags[0]" in line and word in line for line in lines)
    assert any("tags[1].evnt: unknown key; did you mean 'event'?" in line for line in lines)
    assert any("lacks `event`" in line for line in lines)


def test_an_expression_without_an_end_is_one_line(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = f"{'(' * 3000}active{')' * 3000}"
    write(conf, "audiences/zz.yml", f"audience: zz\nwhere: {deep}\n")
    assert exit_code(["validate", "--conf-dir", str(conf)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "audiences/zz.yml" in line
    assert "nested too deep, column 26; make tags of its parts" in line
    assert len(line) < 300
