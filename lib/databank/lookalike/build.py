"""The job expand_lookalike: learn what distinguishes the seeds, rank everybody else."""

from functools import reduce

from pyspark.ml import Pipeline
from pyspark.sql import DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.columns import is_one_of
from databank.errors import TooFewError
from databank.lookalike.config import LookalikeConfig, LookalikesConfig, member_of
from databank.lookalike.rank import HIDDEN, UNLABELLED, VISIBLE, Gain, gain_curve, role, top
from databank.lookalike.tables import GAIN, MEMBER
from databank.models.algorithms import find_algorithm
from databank.models.frame import feature_columns, macro_frame
from databank.models.pipeline import on_columns, prepare, probability_of_one, profile_features
from databank.runs import Context, Job, StepResult, Summary

LEAST_SEEDS = 50
_LIFTS = (0.01, 0.05)


def expand_lookalikes(context: Context, config: LookalikesConfig) -> StepResult:
    """Find the persons who are most like the seeds of each lookalike.

    Seeds are positives and everybody else is unlabelled: a logistic regression of `is a visible
    seed` ranks persons as a regression of `is of the seeds' kind` would, up to a constant factor,
    which the hidden seeds give (Elkan and Noto 2008). Lift is measured on the hidden seeds.

    Raises:
        TooFewError: If a seed audience is too small to learn from.
    """
    wanted = [each for each in config.lookalikes if context.wants(each.lookalike)]
    if not wanted:
        return StepResult()
    entries = [
        Checked(f"conf/lookalikes: lookalike {each.lookalike!r}", each.expressions, "double")
        for each in wanted
    ]
    refuse_wrong_expressions(context, entries, config.archive, {})
    expressions = [e for each in wanted for e in each.expressions]
    context.progress.step(f"gathering features as of {context.day}")
    frame = macro_frame(context, expressions, config.archive, as_of=context.day)
    members: list[DataFrame] = []
    gains: list[tuple[object, ...]] = []
    summary: Summary = {}
    try:
        for each in wanted:
            context.progress.step(f"ranking by likeness to {each.seed}")
            ranked, curve = _expand(frame, each)
            name = each.lookalike
            members.append(ranked.select(F.lit(name).alias("name"), "*"))
            gains += [(name, context.day, *vars(point).values()) for point in curve]
            summary |= _note(context, name, curve)
        _write(context, [each.lookalike for each in wanted], members, gains)
    finally:
        frame.unpersist()
        for ranked in members:
            ranked.unpersist()
    return StepResult({"persons found": context.store.rows_written[MEMBER.name], **summary})


def score_persons(persons: DataFrame, config: LookalikeConfig) -> DataFrame:
    """Fit on visible seeds against the rest, and score all but the visible seeds.

    Args:
        persons: person_id, role, excluded (boolean), features.
        config: The lookalike.

    Returns:
        person_id, role, excluded, likeness (probability to be a visible seed, in [0, 1]).

    Raises:
        TooFewError: If everybody is a seed, or a feature is missing for everybody.
    """
    labelled = persons.withColumns(
        {"label": (F.col("role") == VISIBLE).cast("double"), "part": F.lit("train")}
    )
    stats = profile_features(labelled, config.features)
    rest = stats.persons.get("train", 0) - stats.positives.get("train", 0)
    unknown = [name for name, median in stats.medians.items() if median is None]
    if unknown or not rest:
        raise TooFewError(
            f"lookalike {config.lookalike}: "
            + (f"feature {unknown[0]!r} is missing for everybody; correct it" if unknown else "")
            + ("" if unknown else "everybody is a seed; choose a narrower seed audience")
        )
    regression = find_algorithm("logistic_regression")
    parameters = regression.complete({"regularisation": config.regularisation})
    estimator = regression.estimator(parameters, config.random_seed)
    stages = [
        *prepare(config.features, stats, scaled=True),
        on_columns(estimator, features="scaled"),
    ]
    model = Pipeline(stages=stages).fit(labelled)
    return model.transform(labelled.where(F.col("role") != VISIBLE)).select(
        "person_id", "role", "excluded", probability_of_one().alias("likeness")
    )


def _expand(frame: DataFrame, config: LookalikeConfig) -> tuple[DataFrame, tuple[Gain, ...]]:
    excluded = reduce(
        lambda left, right: left | right,
        (F.expr(member_of(name).sql) for name in config.exclude),
        F.lit(False),
    )
    is_seed = F.expr(member_of(config.seed).sql)
    persons = frame.select(
        "person_id",
        role(is_seed, holdout=config.holdout, random_seed=config.random_seed).alias("role"),
        excluded.alias("excluded"),
        *feature_columns(config.features),
    )
    _refuse_few(persons, config)
    scored = score_persons(persons, config).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        points = gain_curve(scored)
        candidate = (F.col("role") == UNLABELLED) & ~F.col("excluded")
        row = scored.agg(
            F.count_if(candidate).alias("candidates"),
            F.avg(F.when(F.col("role") == HIDDEN, F.col("likeness"))).alias("labelled"),
        ).first()
        candidates, labelled = (row[0], row[1]) if row else (0, None)
        limit = int(config.size) if config.size >= 1 else max(1, int(config.size * candidates))
        # the mean over hidden seeds estimates the share of the kind that is labelled at all
        kind = F.least(F.lit(1.0), F.col("likeness") / F.lit(labelled or 1.0))
        ranked = top(
            scored.where(candidate).withColumn("score", F.round(kind, 9)),
            limit=limit,
            candidates=candidates,
            levels=config.levels,
        ).persist(StorageLevel.MEMORY_AND_DISK)
        ranked.count()
    finally:
        scored.unpersist()
    return ranked, points


def _refuse_few(persons: DataFrame, config: LookalikeConfig) -> None:
    # three roles
    counted = {row["role"]: row["count"] for row in persons.groupBy("role").count().collect()}
    seeds = counted.get(VISIBLE, 0) + counted.get(HIDDEN, 0)
    if seeds < LEAST_SEEDS or not counted.get(HIDDEN):
        raise TooFewError(
            f"lookalike {config.lookalike}: the seed audience {config.seed!r} has {seeds} persons "
            f"with events, {LEAST_SEEDS} are needed; widen it, or choose another seed"
        )


def _note(context: Context, name: str, curve: tuple[Gain, ...]) -> Summary:
    lifts = {point.share: point.lift for point in curve if point.share in _LIFTS}
    for share, lift in lifts.items():
        context.metric("lookalike_lift", lift, lookalike=name, share=f"{share:g}")
    return {f"{name}: lift at {share:.0%}": lift for share, lift in lifts.items()}


def _write(
    context: Context,
    names: list[str],
    members: list[DataFrame],
    gains: list[tuple[object, ...]],
) -> None:
    day, store = context.day, context.store
    where = f"{is_one_of('name', names)} AND day = DATE'{day}'"
    rows = reduce(DataFrame.unionByName, members).withColumn("day", F.lit(day))
    # persons are unique in the frame, and names among the lookalikes
    store.replace(MEMBER, rows, where=where, checked=True)
    store.replace(GAIN, store.small(GAIN, gains), where=where, checked=True)


JOB = Job(
    name="expand_lookalike",
    step=expand_lookalikes,
    tables=(MEMBER, GAIN),
    logic_version=2,
    latest_only=False,
)
