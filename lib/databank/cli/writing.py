"""Commands that write into a bank, or run Spark to see what they would write."""

from typing import Annotated, Literal

import typer

from databank.cli import complete
from databank.cli.app import app
from databank.cli.help import RunCommand
from databank.cli.options import CONF, ROOT, AsJson, ConfDir, IdType, Root
from databank.cli.show import show_json, show_sections
from databank.errors import DataBankError
from databank.terminal import printable


@app.command(cls=RunCommand)
def run(
    job: Annotated[
        str,
        typer.Argument(help="A job, or `all` for the whole loop.", autocompletion=complete.jobs),
    ],
    date: Annotated[str, typer.Option("--date", help="Run day, YYYY-MM-DD.")],
    conf_dir: ConfDir = CONF,
    root: Root = ROOT,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help="One tag, model, audience or lookalike.",
            autocompletion=complete.nodes,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan and start nothing; of one tag (build_tags --only NAME --dry-run) "
            "also whom it would have, which takes a run that publishes nothing.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Run one job, or the whole loop in order of reference, for a day."""
    from databank.clock import parse_day, refuse_future
    from databank.project.load import load_project
    from databank.project.plan import plan_all, plan_job

    if as_json and not dry_run:
        raise DataBankError("--json: shows a plan; add --dry-run")
    day = parse_day(date)
    project = load_project(conf_dir)
    refuse_future(day, timezone=project.settings.timezone)
    steps = plan_all(project, only) if job == "all" else plan_job(job, project, only)
    if dry_run:
        if job == "build_tags" and only is not None:
            from databank.cli.preview_tag import preview_tag

            show_sections(preview_tag(project, root, day, only), as_json)
        elif as_json:
            show_json([{"job": step.job, "nodes": step.nodes} for step in steps])
        else:
            for step in steps:
                # a plan lists all nodes of a step
                typer.echo(printable(line := str(step), most=len(line)))
        return
    from databank.project.execute import execute, exit_error

    outcomes = execute(project, steps, root=root, day=day, only=only)
    error = exit_error(outcomes)
    if error is not None:
        raise error


@app.command()
def demo(
    persons: Annotated[int, typer.Option(min=1000, help="Persons to invent.")] = 20_000,
    root: Root = ROOT,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 7,
    dirt: Annotated[str, typer.Option(help="Rates of dirt, a YAML file.")] = "conf/dirt.yml",
    conf_dir: ConfDir = CONF,
) -> None:
    """Run the whole loop on generated data, and say how close it came to the truth.

    20,000 persons take about 8 minutes on 2 cores, 4 GB of memory and 200 MB of disk.
    """
    from databank.cli.demo import run_demo

    run_demo(persons=persons, root=root, seed=seed, dirt=dirt, conf_dir=conf_dir)


@app.command()
def erase(
    id_type: IdType,
    value: Annotated[str, typer.Argument(help="The identifier.")],
    date: Annotated[
        str, typer.Option("--date", help="Records up to and with this day, YYYY-MM-DD.")
    ],
    person: Annotated[
        bool, typer.Option("--person", help="All identifiers of its person, and the person.")
    ] = False,
    scope: Annotated[str | None, typer.Option(help="App of an openid.")] = None,
    root: Root = ROOT,
    conf_dir: ConfDir = CONF,
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
def preview(
    what: Annotated[Literal["identity"], typer.Argument(help="The rules to try.")],
    date: Annotated[str, typer.Option("--date", help="Run day, YYYY-MM-DD.")],
    conf_dir: ConfDir = CONF,
    root: Root = ROOT,
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
    name: Annotated[
        str | None,
        typer.Argument(help="The model; identity has no name.", autocompletion=complete.models),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Of identity: the day whose state comes back, YYYY-MM-DD."),
    ] = None,
    conf_dir: ConfDir = CONF,
    root: Root = ROOT,
    as_json: AsJson = False,
) -> None:
    """Bring back the identity of a day, or the former champion of a model."""
    from databank.cli.rollback import roll_back

    show_sections(roll_back(what, name, to, conf_dir, root), as_json)
