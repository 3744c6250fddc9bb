"""The demo: invent a world, run the whole loop on it, compare with the truth."""

from datetime import date

from rich.console import Console
from rich.table import Table

from databank.demo.config import WorldSettings, load_dirt
from databank.demo.evaluate import evaluate
from databank.demo.generate import generate
from databank.demo.next_steps import next_steps
from databank.demo.scores import Score
from databank.errors import DataBankError
from databank.project.execute import execute, exit_error
from databank.project.load import load_project
from databank.project.plan import plan_all
from databank.runs import Progress
from databank.session import open_session
from databank.tables import DeltaStore, Store


def run_demo(*, persons: int, root: str, seed: int, dirt: str, conf_dir: str) -> None:
    """Generate, run, evaluate and print.

    Raises:
        DataBankError: What the operator can fix; what stopped a part alone comes after the figures.
    """
    project = load_project(conf_dir)
    world = WorldSettings(persons=persons, seed=seed, dirt=load_dirt(dirt))
    progress = Progress()
    progress.start("generate")
    with progress:
        spark = open_session(project.settings)
        store = DeltaStore(spark, root)
        _refuse_used(store, root)
        rows = generate(spark, root, world)
    progress.done(f"{persons:,} persons, settings {world.fingerprint()}", dict(rows))
    day: date = world.last_day
    outcomes = execute(project, plan_all(project, None), root=root, day=day)
    progress.start("compare with the truth")
    with progress:
        store.refresh()
        scores = evaluate(spark, store, root)
    progress.done("done", {})
    console = Console()
    console.print(_truth_table(scores, f"settings {world.fingerprint()}, seed {seed}"))
    console.print(_seconds_table([(o.job, o.nodes, o.seconds) for o in outcomes]))
    steps = next_steps(
        root=root,
        conf_dir=conf_dir,
        next_day=world.next_day,
        tracking_uri=project.settings.tracking_uri,
    )
    for purpose, command in steps:
        console.print(f"{purpose}:\n  {command}", soft_wrap=True, markup=False, highlight=False)
    error = exit_error(outcomes)
    if error is not None:
        raise error


def _refuse_used(store: Store, root: str) -> None:
    """Refuse a root that holds tables: a new world beneath them would mix both."""
    if store.published:
        raise DataBankError(
            f"--root {root}: holds a warehouse already; remove it, or give another --root"
        )


def _truth_table(scores: list[Score], settings: str) -> Table:
    table = Table(title=f"How close to the truth ({settings})", title_justify="left")
    for name in ("stage", "figure"):
        table.add_column(name)
    table.add_column("databank", justify="right")
    table.add_column("beside", justify="right")
    table.add_column("")
    for score in scores:
        name, value = score.beside or ("", None)
        beside = "" if value is None else f"{value:.3f}"
        table.add_row(score.stage, score.figure, f"{score.value:.3f}", beside, name)
    return table


def _seconds_table(parts: list[tuple[str, tuple[str, ...], float]]) -> Table:
    table = Table(title="Seconds by job", title_justify="left")
    table.add_column("job")
    table.add_column("seconds", justify="right")
    for job, nodes, seconds in parts:
        table.add_row(f"{job} [{len(nodes)}]" if nodes else job, f"{seconds:.1f}")
    table.add_row("all", f"{sum(seconds for *_, seconds in parts):.1f}")
    return table
