"""`databank run build_tags --only NAME --dry-run`: what the tag would be, without publishing it."""

from datetime import date
from typing import Any

from databank.cli.show import TextSection
from databank.errors import DataBankError
from databank.project.graph import Node
from databank.project.jobs import config_hash, job_config
from databank.project.model import Project
from databank.runs import open_runner
from databank.tables.outside import require_bank
from databank.tags.base import TagBase
from databank.tags.preview import TagPreview, preview_tag as preview

_JOB = "build_tags"


def preview_tag(project: Project, root: str, day: date, name: str) -> list[TextSection]:
    """Build a tag as --only would; publish nothing and show what came.

    Raises:
        DataBankError: If the root holds no bank, or the run ends with an error of the operator's.
    """
    require_bank(root)
    runner = open_runner(project.settings, root)
    if not runner.store.is_published("archive.person_day"):
        raise DataBankError(f"--root {root}: holds no archive yet; run build_archive first")
    made_of = _made_of(project, name)
    [tag] = [each for each in project.tags if each.name == name]
    result = preview(
        runner,
        job_config(_JOB, project),
        tag,
        made_of=made_of,
        day=day,
        config_hash=config_hash(_JOB, project, (name,)),
    )
    return _sections(tag, made_of, result, day)


def _made_of(project: Project, name: str) -> list[TagBase]:
    """List the tags that a tag stands on, directly or through others."""
    upstream = project.graph.upstream([Node("tag", name)])
    names = {node.name for node in upstream if node.kind == "tag"} - {name}
    return [tag for tag in project.tags if tag.name in names]


def _sections(
    tag: TagBase, made_of: list[TagBase], result: TagPreview, day: date
) -> list[TextSection]:
    plan: list[dict[str, Any]] = [
        {"tag": each.name, "reads": table, "what": what}
        for each in (*made_of, tag)
        for table, what in each.reads(day)
    ]
    definition = f": {tag.definition}" if tag.definition else ""
    unpublished = [{"tag": name} for name in result.unpublished]
    sections = [
        TextSection(f"{tag.name} ({tag.kind}){definition}", plan, "reads"),
        TextSection(
            "of nobody as it is published; if it is new, build it first", unpublished, "unpublished"
        ),
        TextSection(
            f"who would have it on {day}; nothing was published", result.coverage, "coverage"
        ),
        TextSection("the most frequent values", result.frequent, "frequent"),
        TextSection(f"{len(result.examples)} who would have it", result.examples, "examples"),
    ]
    return [section for section in sections if section.rows]
