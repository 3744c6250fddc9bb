"""What a shell completes: names out of code and configuration, found without Spark and a bank."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from databank.project.model import Project

Completions = Iterator[tuple[str, str]]


def jobs(incomplete: str) -> Completions:
    """Complete a job, with what it is for."""
    from databank.project.jobs import JOBS

    purposes = {"all": "The whole loop, in order.", **{n: job.purpose for n, job in JOBS.items()}}
    yield from _matching(purposes.items(), incomplete)


def nodes(context: typer.Context, incomplete: str) -> Completions:
    """Complete a tag, model, audience or lookalike: of a job those that it builds."""
    from databank.project.jobs import JOBS

    # where the line ends with the option itself, what stands before it is not parsed
    words = (context.params.get("job"), *context.args)
    job = next((JOBS[word] for word in words if word in JOBS), None)
    project = _project(context)
    if project is not None:
        named = sorted((node.name, node.kind) for node in project.graph)
        wanted = [(name, kind) for name, kind in named if job is None or kind == job.kind]
        yield from _matching(wanted, incomplete)


def tags(context: typer.Context, incomplete: str) -> Completions:
    """Complete a tag, with what it is."""
    project = _project(context)
    if project is not None:
        described = sorted((tag.name, tag.description or tag.kind) for tag in project.tags)
        yield from _matching(described, incomplete)


def sources(context: typer.Context, incomplete: str) -> Completions:
    """Complete a source."""
    project = _project(context)
    if project is not None:
        named = sorted((source.source, source.format) for source in project.sources)
        yield from _matching(named, incomplete)


def models(context: typer.Context, incomplete: str) -> Completions:
    """Complete a model."""
    project = _project(context)
    if project is not None:
        yield from _matching(sorted((model.model, "model") for model in project.models), incomplete)


def identifier_types(context: typer.Context, incomplete: str) -> Completions:
    """Complete the type of an identifier."""
    project = _project(context)
    types = (*project.identity.identifiers, *project.identity.entity_types) if project else ()
    yield from _matching([(name, "identifier") for name in (*types, "person_id")], incomplete)


def tables(incomplete: str) -> Completions:
    """Complete a table, with what a row of it is."""
    from databank.project.catalog import all_tables

    yield from _matching([(n, spec.grain) for n, spec in all_tables().items()], incomplete)


def pages(incomplete: str) -> Completions:
    """Complete a page of the documentation, with its title."""
    from databank.docs import topics

    yield from _matching(topics().items(), incomplete)


def _project(context: typer.Context) -> "Project | None":
    """Read the configuration that the line names so far; None where it has faults."""
    from databank.errors import DataBankError
    from databank.project.load import load_project

    try:
        return load_project(str(context.params.get("conf_dir") or "conf"))
    except DataBankError:
        return None


def _matching(named: Iterable[tuple[str, str]], incomplete: str) -> Completions:
    for name, text in named:
        if name.startswith(incomplete):
            yield name, text
