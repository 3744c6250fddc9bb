"""What changed decides which jobs and parts are done again: hashes of what changes data."""

import pkgutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

import databank
from databank.config import Note, StrictModel
from databank.hashing import METADATA, data_hash
from databank.project.graph import Node
from databank.project.jobs import config_hash
from databank.project.load import load_project
from databank.project.model import Project
from databank.project.plan import Step, plan_all

CONF = Path(__file__).parents[3] / "conf"
REPORT = Step("publish_report")


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(CONF)


def hashes(project: Project) -> dict[Step, str]:
    """Hash the configuration of each step of the whole loop."""
    plan = plan_all(project, None)
    return {step: config_hash(step.job, project, step.nodes) for step in plan}


def changed(before: Project, after: Project) -> set[Step]:
    """Give the steps of the loop that the change makes run again."""
    old, new = hashes(before), hashes(after)
    assert old.keys() == new.keys()
    return {step for step in old if old[step] != new[step]}


def with_tag(project: Project, name: str, **changes: Any) -> Project:
    tags = [tag.model_copy(update=changes) if tag.name == name else tag for tag in project.tags]
    return replace(project, tags=tuple(tags))


def _tag_words(project: Project) -> Project:
    words = {"description": "other words", "owner": "another team", "unit": "other units"}
    return with_tag(project, project.tags[0].name, **words)


def _audience_words(project: Project) -> Project:
    first, *rest = project.audiences
    return replace(project, audiences=(first.model_copy(update={"description": "new"}), *rest))


def _model_words(project: Project) -> Project:
    first, *rest = project.models
    return replace(project, models=(first.model_copy(update={"description": "new"}), *rest))


@pytest.mark.parametrize("change", [_tag_words, _audience_words, _model_words])
def test_words_for_people_are_no_change_but_to_the_report_that_shows_them(
    project: Project, change: Callable[[Project], Project]
) -> None:
    assert changed(project, change(project)) == {REPORT}


def test_a_changed_window_is_a_change_to_its_tag_and_its_users(project: Project) -> None:
    name = next(tag.name for tag in project.tags if tag.kind == "measure" and tag.window)
    after = with_tag(project, name, window="last 17 days")
    users = {node for node in project.graph if Node("tag", name) in project.graph.upstream([node])}
    again = changed(project, after)
    for step in hashes(project):
        built = {node for node in project.graph if node.name in step.nodes}
        uses = any(node in users for node in built if _kind(step) == node.kind)
        assert (step in again) == uses, step
    assert again
    assert any(step.nodes and step not in again for step in hashes(project))


def _kind(step: Step) -> str:
    kinds = {"build_tags": "tag", "build_audiences": "audience", "expand_lookalike": "lookalike"}
    return kinds.get(step.job, "model")


def test_the_time_zone_is_a_change_to_every_job_of_days(project: Project) -> None:
    zone = project.settings.model_copy(update={"timezone": "Asia/Tokyo"})
    again = changed(project, replace(project, settings=zone))
    assert {step for step in hashes(project) if step != REPORT} <= again


def test_every_description_of_the_configuration_is_marked() -> None:
    for module in pkgutil.walk_packages(databank.__path__, "databank."):
        if module.name.endswith(("config", "definition")) or ".kinds." in module.name:
            import_module(module.name)
    models = _below(StrictModel)
    words = {"description", "owner", "unit"}
    fields = {
        (model, name): field
        for model in models
        for name, field in model.model_fields.items()
        if name in words and not model.__module__.startswith("databank.reports")
    }
    assert fields
    assert [key for key, field in fields.items() if METADATA not in field.metadata] == []


def _below(model: type[StrictModel]) -> set[type[StrictModel]]:
    own = {each for each in model.__subclasses__() if each.__module__.startswith("databank.")}
    return own.union(*(_below(each) for each in own)) if own else own


class Toy(StrictModel):
    name: str
    steps: tuple[int, ...] = ()
    labels: frozenset[str] = frozenset()
    options: dict[str, int] = Field(default_factory=dict)
    description: Note = ""


def test_a_hash_knows_neither_words_nor_the_order_of_keys_but_that_of_lists() -> None:
    toy = Toy(name="a", steps=(1, 2), labels=frozenset("abc"), options={"x": 1, "y": 2})
    same = Toy(
        name="a", steps=(1, 2), labels=frozenset("cba"), options={"y": 2, "x": 1}, description="!"
    )
    assert data_hash(toy) == data_hash(same)
    assert data_hash([toy, "UTC"]) == data_hash((same, "UTC"))
    for change in ({"name": "b"}, {"steps": (2, 1)}, {"labels": frozenset("ab")}, {"options": {}}):
        assert data_hash(toy.model_copy(update=change)) != data_hash(toy)
