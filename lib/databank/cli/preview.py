"""`databank preview`: what a run of resolve_identity would change, without publishing anything."""

from dataclasses import replace
from datetime import date
from typing import Any

from databank.cli.show import Rows, TextSection
from databank.clock import refuse_future
from databank.errors import DataBankError, GateRefusedError
from databank.identity.config import Gates, IdentityConfig
from databank.identity.preview.build import Preview, preview_identity
from databank.identity.preview.gates import refusal, verdicts
from databank.project.jobs import config_hash, load_job
from databank.project.load import load_project
from databank.runs import Context, StepResult, open_runner
from databank.sources.tables import IDENTIFIER
from databank.tables.outside import require_bank

_JOB = "resolve_identity"
_LINKAGE_CHANGED = (
    "rules of `linkage` have changed: likely pairs are still those of the last run of link_profiles"
)
_CLOSER = "look closer at a person that is published: databank person person_id NUMBER"


def preview_rules(
    conf_dir: str, root: str, day: date
) -> tuple[list[TextSection], GateRefusedError | None]:
    """Run resolve_identity with a configuration, publish nothing and tell what would change.

    Returns:
        What to read, and the refusal of the gates that are broken.

    Raises:
        DataBankError: If the configuration has faults, the root holds no bank, the day cannot be
            run, or the run ends with an error of the operator's.
    """
    project = load_project(conf_dir)
    refuse_future(day, timezone=project.settings.timezone)
    require_bank(root)
    runner = open_runner(project.settings, root)
    if not runner.store.is_published(IDENTIFIER):
        raise DataBankError(f"--root {root}: holds no identifiers yet; run ingest first")
    previews: list[Preview] = []

    def look(context: Context, config: IdentityConfig) -> StepResult:
        previews.append(preview_identity(context, config))
        return StepResult()

    outcome = runner.run(
        replace(load_job(_JOB), step=look),
        project.identity,
        day=day,
        config_hash=config_hash(_JOB, project),
        preview=True,
    )
    if outcome.error is not None:
        raise outcome.error
    [preview] = previews
    gates = project.identity.gates
    return _sections(preview, gates, day), refusal(preview.churn, gates)


def _sections(preview: Preview, gates: Gates, day: date) -> list[TextSection]:
    before, after, changed = preview.before, preview.after, preview.changed
    persons: dict[str, Any] = {
        "before": before.persons,
        "after": after.persons,
        "merged away": changed["merge"],
        "split": changed["split"],
        "new": changed["new"],
        "retired": changed["retired"],
        "identifiers before": before.identifiers,
        "identifiers after": after.identifiers,
        "moved to another person": preview.churn.moved,
    }
    merges, splits = preview.merges, preview.splits
    return [
        TextSection(
            f"persons on {day}, were these rules run; nothing was published", [persons], "persons"
        ),
        *([TextSection(_LINKAGE_CHANGED, [], "note")] if preview.linkage_changed else []),
        TextSection("gates", _gates(preview, gates), "gates"),
        TextSection("the largest persons after it", preview.largest, "largest"),
        TextSection("excluded and rejected", preview.refused, "rejected"),
        TextSection(f"merges to read: {len(merges)} of {changed['merge']}", merges, "merges"),
        TextSection(f"splits to read: {len(splits)} of {changed['split']}", splits, "splits"),
        TextSection(_CLOSER, [], "note"),
    ]


def _gates(preview: Preview, gates: Gates) -> Rows:
    return [
        {
            "gate": verdict.gate,
            "measured": round(verdict.measured, 6),
            "allowed": "anything" if verdict.allowed is None else verdict.allowed,
            "outcome": "refused" if verdict.refused else "passed",
        }
        for verdict in verdicts(preview.churn, gates)
    ]
