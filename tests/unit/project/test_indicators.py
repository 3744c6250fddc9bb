"""conf/indicators among the other files: faults in one pass, a place in the plan."""

from pathlib import Path

import pytest

from databank.errors import ConfigFaultsError, DataBankError
from databank.project.catalog import describe_table
from databank.project.jobs import config_hash, job_config
from databank.project.load import load_project
from databank.project.plan import plan_all, plan_job
from tests.unit.project.test_load import CONF, conf, faults, write

__all__ = ["conf"]  # a fixture


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{name: x, kind: active, event: ad_click, by: campain}", "did you mean 'campaign'?"),
        ("{name: x, kind: active, event: login, by: campaign}", "declare it in archive.yml: login"),
        ("{name: x, kind: count, event: read, filter: categry = 'tech'}", "mean 'category'?"),
        (
            "{name: x, kind: funnel, steps: [read, login], within: 1 day, filter: category = 'a'}",
            "uses 'category', which the archive does not keep apart",
        ),
        (
            "{name: x, kind: funnel, steps: [visit, purchase], within: 1 day}",
            "'visit' is what archive.yml makes of sessions, and no step; begin with an event",
        ),
        ("{name: x, kind: retention, event: read, on: [99999]}", "less than or equal to 3660"),
        ("{name: x, kind: activ, event: login}", "unknown kind 'activ'; did you mean 'active'"),
        ("{name: x, kind: active, evnt: login}", "unknown key; did you mean 'event'?"),
        ("{name: sales, kind: new, event: login}", "indicator 'sales' is in conf/ind"),
    ],
)
def test_a_wrong_indicator_is_named_with_its_remedy(conf: Path, given: str, message: str) -> None:
    write(conf, "indicators/zz.yml", f"indicators:\n  - {given}\n")
    lines = faults(conf)
    message = message.replace("conf/ind", "indicators/daily.yml too; rename one of them")
    assert any(line.startswith("indicators/zz.yml: indicators[0]") and message in line
               for line in lines), lines  # fmt: skip


def test_faults_of_indicators_and_tags_come_together(conf: Path) -> None:
    write(conf, "indicators/zz.yml", "indicators: [{name: x, kind: new, event: read, by: shop}]\n")
    write(conf, "tags/zz.yml", "tags: [{name: x, kind: rule, when: logins_30 > 1}]\n")
    with pytest.raises(ConfigFaultsError) as caught:
        load_project(conf)
    files = {line.split(":")[0] for line in str(caught.value).splitlines()}
    assert files == {"indicators/zz.yml", "tags/zz.yml"}


def test_the_job_runs_once_after_the_archive_and_where_there_is_something(conf: Path) -> None:
    project = load_project(conf)
    jobs = [step.job for step in plan_all(project, None)]
    assert jobs.count("build_indicators") == 1
    assert jobs.index("build_indicators") == jobs.index("build_archive") + 1
    assert project.counts()["indicators"] == len(project.indicators) >= 9
    # no tag or audience stands on it
    assert "build_indicators" not in {step.job for step in plan_all(project, "active")}
    for file in (conf / "indicators").iterdir():
        file.unlink()
    project = load_project(conf)
    assert "build_indicators" not in [step.job for step in plan_all(project, None)]
    [step] = plan_job("build_indicators", project, None)
    with pytest.raises(DataBankError, match=r"there are none; describe some in indicators/\*\.yml"):
        job_config(step.job, project)


def test_drafts_and_retired_ones_are_checked_and_not_built(conf: Path) -> None:
    before = load_project(conf)
    text = "{{name: {0}, kind: new, event: login, status: {0}}}"
    listed = ", ".join(text.format(status) for status in ("draft", "retired"))
    write(conf, "indicators/zz.yml", f"indicators: [{listed}]\n")
    after = load_project(conf)
    assert job_config("build_indicators", after) == job_config("build_indicators", before)
    assert config_hash("build_indicators", after) == config_hash("build_indicators", before)
    write(conf, "indicators/zz.yml", "indicators: [{name: more, kind: new, event: login}]\n")
    assert config_hash("build_indicators", load_project(conf)) != config_hash(
        "build_indicators", before
    )


def test_the_table_is_described() -> None:
    keys = [row["column"] for row in describe_table("reports.indicator") if row["key"]]
    assert keys == ["indicator", "day", "dimension_value", "part"]


@pytest.mark.parametrize("name", ["cookie_cats", "online_retail", "taobao_userbehavior"])
def test_the_examples_have_indicators(name: str) -> None:
    assert load_project(CONF / "examples" / name).counts()["indicators"] >= 2
