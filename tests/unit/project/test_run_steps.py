"""What a run does after a step that came to nothing: what stands on it is left out, the rest runs.

The steps are those of a plan, and no job runs: a table says how each part ends.
"""

from collections.abc import Mapping

import pytest

from databank.dag import Dag
from databank.errors import DataBankError, GateRefusedError, TooFewError
from databank.project.execute import exit_error, run_steps
from databank.project.graph import LIFECYCLE, Node
from databank.project.plan import Step
from databank.runs import Outcome

CHURN, LIFT = Node("model", "churn"), Node("model", "lift")
AT_RISK, BUYERS = Node("tag", "at_risk"), Node("tag", "buyers")
SAVE, EVERY = Node("audience", "save"), Node("audience", "every")
LIKE_FEW, LIKE_MANY = Node("lookalike", "like_few"), Node("lookalike", "like_many")
LIFE = Node(LIFECYCLE, LIFECYCLE)
# what stands on what: at_risk and save on churn, like_few on save, the rest on no model
GRAPH = Dag[Node](
    {
        CHURN: [],
        LIFT: [],
        BUYERS: [],
        AT_RISK: [CHURN],
        LIFE: [BUYERS],
        SAVE: [AT_RISK],
        EVERY: [BUYERS],
        LIKE_FEW: [EVERY],
        LIKE_MANY: [EVERY],
        Node("job", "publish_report"): [],
    }
)
PLAN = (
    Step("build_tags", ("buyers",)),
    Step("train_model", ("churn", "lift")),
    Step("score_model", ("churn", "lift")),
    Step("build_tags", ("at_risk",)),
    Step("build_lifecycle"),
    Step("build_audiences", ("every", "save")),
    Step("expand_lookalike", ("like_few", "like_many")),
    Step("publish_report"),
)
NO_CHAMPION = DataBankError("model churn: has no champion; run train_model first")


def _run(ends: Mapping[tuple[str, str], DataBankError]) -> tuple[list[str], list[Outcome]]:
    """Run the plan; `ends` gives the error of the parts that have a node of a job."""
    parts: list[str] = []

    def run(step: Step, *, done: int, waiting: int, rebuilt: bool) -> Outcome:
        assert done == len(parts)
        parts.append(str(step))
        names = step.nodes or ("",)
        error = next((ends[step.job, n] for n in names if (step.job, n) in ends), None)
        outcome = "done" if error is None else "refused" if error.exit_code == 3 else "failed"
        return Outcome(step.job, step.nodes, outcome, 0.0, {}, error)

    return parts, run_steps(PLAN, GRAPH, run)


def test_what_needs_no_model_is_built_without_one() -> None:
    too_few = TooFewError("model churn, as of 2026-03-01: 5 persons in part train")
    parts, outcomes = _run(
        {("train_model", "churn"): too_few, ("score_model", "churn"): NO_CHAMPION}
    )
    assert parts == [
        "build_tags: buyers",
        "train_model: churn, lift",
        "score_model: churn",
        "score_model: lift",
        "build_lifecycle",
        "build_audiences: every",
        "expand_lookalike: like_few, like_many",
        "publish_report",
    ]
    error = exit_error(outcomes)
    assert error is not None
    assert (error.exit_code, str(error)) == (2, str(too_few))


def test_a_champion_of_earlier_days_goes_on_where_there_is_too_little_to_train_on() -> None:
    parts, outcomes = _run({("train_model", "churn"): TooFewError("model churn: too few")})
    assert "build_tags: at_risk" in parts
    assert "build_audiences: every, save" in parts
    error = exit_error(outcomes)
    assert error is not None
    assert error.exit_code == 2


def test_the_highest_exit_code_ends_the_run_and_all_that_stopped_is_named() -> None:
    parts, outcomes = _run(
        {
            ("train_model", "churn"): GateRefusedError("churn: auc 0.5 is below the gate's 0.6"),
            ("expand_lookalike", "like_few"): TooFewError("lookalike like_few: 3 seeds"),
        }
    )
    assert parts[-4:] == [
        "expand_lookalike: like_few, like_many",
        "expand_lookalike: like_few",
        "expand_lookalike: like_many",
        "publish_report",
    ]
    error = exit_error(outcomes)
    assert error is not None
    assert error.exit_code == 3
    assert str(error).splitlines() == [
        "churn: auc 0.5 is below the gate's 0.6",
        "lookalike like_few: 3 seeds",
    ]


def test_any_other_error_ends_the_run() -> None:
    wrong = DataBankError("conf/models: model 'churn': Spark does not accept `x`")
    with pytest.raises(DataBankError, match="does not accept"):
        _run({("train_model", "churn"): wrong})
    with pytest.raises(DataBankError, match="has no champion"):
        _run({("score_model", "churn"): NO_CHAMPION})


def test_a_run_in_which_all_went_well_leaves_with_nothing() -> None:
    parts, outcomes = _run({})
    assert parts == [str(step) for step in PLAN]
    assert exit_error(outcomes) is None
