"""The command line: `databank <command>`; bad input is one line and exit code 2."""

import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from databank import __version__
from databank.cli.ending import code_of, end_when_terminated
from databank.cli.show import show_rows, show_sections

app = typer.Typer(
    name="databank",
    help="An open data bank for consumer operations on Spark and Delta Lake.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfDir = Annotated[str, typer.Option("--conf-dir", help="Folder of the configuration.")]
Root = Annotated[
    str, typer.Option("--root", help="Warehouse: a folder, or an hdfs:// or s3a:// path.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def give_options(
    spark: Annotated[
        list[str] | None,
        typer.Option("--spark", help="KEY=VALUE, which a configuration may not give; repeatable."),
    ] = None,
) -> None:
    """An open data bank for consumer operations on Spark and Delta Lake."""
    from databank.config.spark_options import note_given

    note_given(spark or ())


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="A job, or `all` for the whole loop.")],
    date: Annotated[str, typer.Option("--date", help="Run day, YYYY-MM-DD.")],
    conf_dir: ConfDir = "conf",
    root: Root = ".databank",
    only: Annotated[
        str | None, typer.Option("--only", help="One tag, model, audience or lookalike.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan and start nothing; of one tag (build_tags --only NAME --dry-run) "
            "also whom it would have, which takes a run that publishes nothing.",
        ),
    ] = False,
) -> None:
    """Run one job, or the whole loop in order of reference, for a day."""
    from databank.clock import parse_day, refuse_future
    from databank.project.load import load_project
    from databank.project.plan import plan_all, plan_job

    day = parse_day(date)
    project = load_project(conf_dir)
    refuse_future(day, timezone=project.settings.timezone)
    steps = plan_all(project, only) if job == "all" else plan_job(job, project, only)
    if dry_run:
        if job == "build_tags" and only is not None:
            from databank.cli.preview_tag import preview_tag

            show_sections(preview_tag(project, root, day, only), False)
            return
        for step in steps:
            typer.echo(str(step))
        return
    from databank.project.execute import execute, exit_error

    outcomes = execute(project, steps, root=root, day=day, only=only)
    error = exit_error(outcomes)
    if error is not None:
        raise error


@app.command()
def demo(
    persons: Annotated[int, typer.Option(min=1000, help="Persons to invent.")] = 20_000,
    root: Root = ".databank",
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 7,
    dirt: Annotated[str, typer.Option(help="Rates of dirt, a YAML file.")] = "conf/dirt.yml",
    conf_dir: ConfDir = "conf",
) -> None:
    """Run the whole loop on generated data, and say how close it came to the truth.

    20,000 persons take about 8 minutes on 2 cores, 4 GB of memory and 200 MB of disk.
    """
    from databank.cli.demo import run_demo

    run_demo(persons=persons, root=root, seed=seed, dirt=dirt, conf_dir=conf_dir)


@app.command()
def validate(conf_dir: ConfDir = "conf", root: Root = ".databank") -> None:
    """Check the whole configuration without starting Spark; all faults in one pass.

    Events, values and attributes that the bank at --root has never had are warned of, if there is
    one.
    """
    from databank.project.bank_values import bank_warnings
    from databank.project.load import load_project

    project = load_project(conf_dir)
    for line in bank_warnings(project, root):
        typer.echo(f"warning: {line}", err=True)
    counts = ", ".join(f"{count} {name}" for name, count in project.counts().items())
    typer.echo(f"{conf_dir}: valid ({counts})")


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="schema.table")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tables of the bank, or the columns of one."""
    from databank.project.catalog import describe_table, list_tables

    show_rows(describe_table(name) if name else list_tables(), as_json)


@app.command()
def runs(
    root: Root = ".databank",
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The last runs of a warehouse, newest first; read without Spark."""
    from databank.project.history import last_runs

    show_rows(last_runs(root, last), as_json)


@app.command()
def tags(
    name: Annotated[str | None, typer.Argument(help="A tag.")] = None,
    root: Root = ".databank",
    conf_dir: ConfDir = "conf",
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
    id_type: Annotated[
        str, typer.Argument(help="Type of the identifier, e.g. phone; or person_id.")
    ],
    value: Annotated[str, typer.Argument(help="The identifier, or the person's number.")],
    day: Annotated[
        str | None, typer.Option("--day", help="A past day, YYYY-MM-DD; with its events.")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", help="TYPE:VALUE: why this one is the same person.")
    ] = None,
    why_tag: Annotated[
        str | None, typer.Option("--why-tag", help="A tag: the rows that made its value.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="App of an openid.")] = None,
    root: Root = ".databank",
    conf_dir: ConfDir = "conf",
    as_json: AsJson = False,
) -> None:
    """Who is this, today or on a past day, and why; read without Spark."""
    from databank.cli.person import describe_person, explain_link, explain_tag
    from databank.clock import parse_day
    from databank.identity.identifier_query import IdentifierQuery

    if why_tag is not None and (why is not None or day is not None):
        raise typer.BadParameter("--why-tag: tags are those of the last run; leave --why and --day")
    on = parse_day(day, option="--day") if day else None
    query = IdentifierQuery(id_type, value, scope)
    if why_tag is not None:
        sections = explain_tag(root, conf_dir, query, why_tag)
    elif why is None:
        sections = describe_person(root, conf_dir, query, on)
    else:
        sections = explain_link(root, conf_dir, query, why, on)
    show_sections(sections, as_json)


@app.command()
def erase(
    id_type: Annotated[str, typer.Argument(help="Type of the identifier, e.g. phone.")],
    value: Annotated[str, typer.Argument(help="The identifier.")],
    date: Annotated[
        str, typer.Option("--date", help="Records up to and with this day, YYYY-MM-DD.")
    ],
    person: Annotated[
        bool, typer.Option("--person", help="All identifiers of its person, and the person.")
    ] = False,
    scope: Annotated[str | None, typer.Option(help="App of an openid.")] = None,
    root: Root = ".databank",
    conf_dir: ConfDir = "conf",
    as_json: AsJson = False,
) -> None:
    """Have an identifier, or a whole person, erased by the next run."""
    from databank.cli.erase import request
    from databank.clock import parse_day

    sections = request(
        root, conf_dir, id_type, value, scope=scope, day=parse_day(date), person=person
    )
    show_sections(sections, as_json)


@app.command()
def quarantine(
    action: Annotated[
        Literal["replay"] | None,
        typer.Argument(help="replay: parse the records once more, by today's configuration."),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Of one source alone.")] = None,
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
    conf_dir: ConfDir = "conf",
    root: Root = ".databank",
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
    conf_dir: ConfDir = "conf",
    root: Root = ".databank",
    as_json: AsJson = False,
) -> None:
    """Persons and pairs by match threshold, and the pairs nearest to it; read without Spark."""
    from databank.cli.linkage import describe_linkage

    show_sections(describe_linkage(root, conf_dir, rule, show_values=show_values), as_json)


@app.command()
def preview(
    what: Annotated[Literal["identity"], typer.Argument(help="The rules to try.")],
    date: Annotated[str, typer.Option("--date", help="Run day, YYYY-MM-DD.")],
    conf_dir: ConfDir = "conf",
    root: Root = ".databank",
    as_json: AsJson = False,
) -> None:
    """What a run with this configuration would change; it is run, and nothing is published."""
    from databank.cli.preview import preview_rules
    from databank.clock import parse_day

    sections, refusal = preview_rules(conf_dir, root, parse_day(date))
    show_sections(sections, as_json)
    if refusal is not None:
        raise refusal


@app.command()
def rollback(
    what: Annotated[Literal["identity", "model"], typer.Argument(help="What goes back.")],
    name: Annotated[str | None, typer.Argument(help="The model; identity has no name.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Of identity: the day whose state comes back, YYYY-MM-DD."),
    ] = None,
    conf_dir: ConfDir = "conf",
    root: Root = ".databank",
    as_json: AsJson = False,
) -> None:
    """Bring back the identity of a day, or the former champion of a model."""
    from databank.cli.rollback import roll_back

    show_sections(roll_back(what, name, to, conf_dir, root), as_json)


@app.command()
def doctor(root: Root = ".databank", as_json: AsJson = False) -> None:
    """What of a bank is damaged, missing or left over, and what to do; read without Spark."""
    from databank.cli.doctor import examine_bank

    rows, damage = examine_bank(root)
    show_rows(rows, as_json)
    if damage is not None:
        raise damage


@app.command()
def docs(
    topic: Annotated[str | None, typer.Argument(help="A page, e.g. tutorial or tags.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the pages of the documentation, or print one."""
    from databank.cli.show import show_page
    from databank.docs import read_topic, topics

    if topic is None:
        show_rows([{"topic": name, "page": title} for name, title in topics().items()], as_json)
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


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    end_when_terminated()
    sys.exit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run a command line: 0 done, 2 the operator can fix it, 3 a gate refused; bugs raise."""
    given = list(arguments) if arguments is not None else None
    return code_of(lambda: app(args=given, standalone_mode=False))


def run_job(job: str) -> int:
    """Run a job from jobs/<job>.py with the options of `databank run`."""
    end_when_terminated()
    return exit_code(["run", job, *sys.argv[1:]])
