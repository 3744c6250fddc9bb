"""Commands that read configuration, a bank or the documentation; all but a replay without Spark."""

from typing import Annotated, Literal

import typer

from databank.cli import complete
from databank.cli.app import app
from databank.cli.options import CONF, ROOT, AsJson, ConfDir, IdType, Root, Source
from databank.cli.show import show_json, show_rows, show_sections
from databank.errors import ConfigFaultsError, DataBankError
from databank.terminal import printable

MOST_DAYS = 10  # of a person's days with events


@app.command()
def validate(conf_dir: ConfDir = CONF, root: Root = ROOT, as_json: AsJson = False) -> None:
    """Check the whole configuration without starting Spark; all faults in one pass.

    Events, values and attributes that the bank at --root has never had are warned of, if there is
    one.
    """
    from databank.cli.validate import checked
    from databank.project.bank_values import bank_warnings
    from databank.project.load import load_project

    if as_json:
        verdict = checked(conf_dir, root)
        show_json(verdict)
        if not verdict["valid"]:
            raise typer.Exit(ConfigFaultsError.exit_code)
        return
    project = load_project(conf_dir)
    for line in bank_warnings(project, root):
        typer.echo(printable(f"warning: {line}"), err=True)
    counts = ", ".join(f"{count} {name}" for name, count in project.counts().items())
    typer.echo(printable(f"{conf_dir}: valid ({counts})"))


@app.command()
def tables(
    name: Annotated[
        str | None, typer.Argument(help="schema.table", autocompletion=complete.tables)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the tables of the bank, or the columns of one."""
    from databank.project.catalog import describe_table, list_tables

    show_rows(describe_table(name) if name else list_tables(), as_json)


@app.command()
def runs(
    root: Root = ROOT,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The last runs of a warehouse, newest first; read without Spark."""
    from databank.project.history import last_runs

    show_rows(last_runs(root, last), as_json)


@app.command()
def tags(
    name: Annotated[str | None, typer.Argument(help="A tag.", autocompletion=complete.tags)] = None,
    root: Root = ROOT,
    conf_dir: ConfDir = CONF,
    as_json: AsJson = False,
) -> None:
    """The library of tags, or the life of one: what it is, reads, feeds, and how many have it."""
    from databank.cli.tags import describe_tag, list_tags
    from databank.project.load import load_project

    project = load_project(conf_dir)
    if name is None:
        show_rows(list_tags(project, root), as_json)
    else:
        show_sections(describe_tag(project, root, name), as_json)


@app.command()
def person(
    id_type: IdType,
    value: Annotated[str, typer.Argument(help="The identifier, or the person's number.")],
    day: Annotated[
        str | None, typer.Option("--day", help="A past day, YYYY-MM-DD; with its events.")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", help="TYPE:VALUE: why this one is the same person.")
    ] = None,
    why_tag: Annotated[
        str | None,
        typer.Option(
            "--why-tag",
            help="A tag: the rows that made its value.",
            autocompletion=complete.tags,
        ),
    ] = None,
    last: Annotated[
        int, typer.Option(min=0, help="How many of the last days with events.")
    ] = MOST_DAYS,
    scope: Annotated[str | None, typer.Option(help="App of an openid.")] = None,
    root: Root = ROOT,
    conf_dir: ConfDir = CONF,
    as_json: AsJson = False,
) -> None:
    """Who is this, today or on a past day, and why; read without Spark."""
    from databank.cli.person import describe_person, explain_link, explain_tag
    from databank.clock import parse_day
    from databank.identity.identifier_query import IdentifierQuery

    if why_tag is not None and (why is not None or day is not None):
        raise DataBankError("--why-tag: tags are those of the last run; leave out --why and --day")
    on = parse_day(day, option="--day") if day else None
    query = IdentifierQuery(id_type, value, scope)
    if why_tag is not None:
        sections = explain_tag(root, conf_dir, query, why_tag)
    elif why is None:
        sections = describe_person(root, conf_dir, query, on, last)
    else:
        sections = explain_link(root, conf_dir, query, why, on)
    show_sections(sections, as_json)


@app.command()
def quarantine(
    action: Annotated[
        Literal["replay"] | None,
        typer.Argument(help="replay: parse the records once more, by today's configuration."),
    ] = None,
    source: Source = None,
    date: Annotated[
        str | None,
        typer.Option("--date", help="Run day of a replay; default: the last one of ingest."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what a replay would load, and load nothing.")
    ] = False,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show what records say; it is personal data.")
    ] = False,
    conf_dir: ConfDir = CONF,
    root: Root = ROOT,
    as_json: AsJson = False,
) -> None:
    """What was not taken, by source and reason, read without Spark; or another try to load it."""
    if action is None:
        from databank.cli.quarantine import list_quarantine

        show_rows(list_quarantine(root, source, show_values=show_values), as_json)
        return
    from databank.cli.replay import replay
    from databank.clock import parse_day

    day = parse_day(date) if date else None
    show_rows([replay(conf_dir, root, source, day, dry_run=dry_run)], as_json)


@app.command()
def linkage(
    rule: Annotated[str | None, typer.Argument(help="A rule of `linkage`; default: all.")] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show what profiles say; it is personal data.")
    ] = False,
    conf_dir: ConfDir = CONF,
    root: Root = ROOT,
    as_json: AsJson = False,
) -> None:
    """Persons and pairs by match threshold, and the pairs nearest to it; read without Spark."""
    from databank.cli.linkage import describe_linkage

    show_sections(describe_linkage(root, conf_dir, rule, show_values=show_values), as_json)


@app.command()
def doctor(root: Root = ROOT, as_json: AsJson = False) -> None:
    """What of a bank is damaged, missing or left over, and what to do; read without Spark."""
    from databank.cli.doctor import examine_bank

    rows, damage = examine_bank(root)
    show_rows(rows, as_json)
    if damage is not None:
        raise damage


@app.command()
def docs(
    topic: Annotated[
        str | None,
        typer.Argument(help="A page, e.g. tutorial or tags.", autocompletion=complete.pages),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the pages of the documentation, or print one."""
    from databank.cli.show import show_page
    from databank.docs import read_topic, topics

    if topic is None:
        show_rows([{"topic": name, "page": title} for name, title in topics().items()], as_json)
    elif as_json:
        show_json({"topic": topic, "text": read_topic(topic)})
    else:
        show_page(read_topic(topic))


@app.command()
def schemas(
    folder: Annotated[str, typer.Argument(help="Where to write them, e.g. .vscode/databank.")],
    as_json: AsJson = False,
) -> None:
    """Write JSON Schemas of the configuration files, for editors that complete and check YAML."""
    from pathlib import Path

    from databank.project.schemas import write_schemas

    written = write_schemas(Path(folder))
    rows = [{"schema": path, "for": f"conf/{pattern}"} for path, pattern in written.items()]
    show_rows(rows, as_json)
