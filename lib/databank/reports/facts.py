"""The figures of a report as plain data: what is collected once, and drawn without Spark."""

from dataclasses import dataclass, field
from datetime import date

from databank.reports.person_graph.parts import Dot, Tie

# the job that fills each table, named where a section has nothing to show
FILLED_BY = {
    "raw.file": "ingest",
    "core.events": "ingest",
    "identity.identifier": "ingest",
    "ops.quarantine": "ingest",
    "identity.person": "resolve_identity",
    "identity.edges": "resolve_identity",
    "lifecycle.stage": "build_lifecycle",
    "lifecycle.flow": "build_lifecycle",
    "lifecycle.rfm": "build_lifecycle",
    "tags.person_tag": "build_tags",
    "models.training": "train_model",
    "models.lift": "train_model",
    "lookalike.member": "expand_lookalike",
    "lookalike.gain": "expand_lookalike",
    "audiences.member": "build_audiences",
}


@dataclass(frozen=True)
class SourceRows:
    """One source: rows read from files, in core tables today, and in quarantine."""

    source: str
    files: int
    read: int
    loaded: int
    quarantined: int
    no_person: int


@dataclass(frozen=True)
class IdType:
    """One type of identifier: how many there are, of how many persons, and the most of one."""

    id_type: str
    identifiers: int
    resolved: int
    persons: int
    most: int


@dataclass(frozen=True)
class EntityKind:
    """One kind of entity: how many there are, of how many persons, and the most of one.

    in_company are persons who share theirs with another one; set_aside are identifiers that too
    many persons share.
    """

    entity: str
    number: int
    persons: int
    in_company: int
    largest: int
    set_aside: int


@dataclass(frozen=True)
class ClusterSize:
    """Persons of one class of size, `begin` identifiers or more.

    density and bridges are means; jointed are persons that hang on a single link between two
    groups of identifiers; conflicts are refused links (see identity.graph_metrics).
    """

    begin: int
    persons: int
    density: float
    bridges: float
    jointed: int
    conflicts: int


@dataclass(frozen=True)
class Cluster:
    """Metrics of one person's graph (identity.graph_metrics); kinds: (type, identifiers)."""

    person_id: int
    identifiers: int
    links: int
    density: float
    bridges: int
    joints: int
    conflicts: int
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PersonGraph:
    """One person to draw; identifiers are named by type and number."""

    person_id: int
    identifiers: int
    joints: int
    conflicts: int
    dots: tuple[Dot, ...]
    ties: tuple[Tie, ...]


@dataclass(frozen=True)
class SetAside:
    """Identifiers that are not used for linking, by rule, readable reason and type."""

    rule: str
    reason: str
    id_type: str
    n: int


@dataclass(frozen=True)
class Flow:
    """Persons by the stage they left and the stage they came to, between two days."""

    day_from: date
    day_to: date
    moves: dict[tuple[str, str], int]


@dataclass(frozen=True)
class RfmCell:
    """Persons of one R, F and segment, and what they spent."""

    r: int
    f: int
    segment: str
    persons: int
    money: float | None
    recency: float | None
    frequency: float | None


@dataclass(frozen=True)
class TagReach:
    """One tag: persons who have it, and its numbers from the 10th to the 90th percentile.

    `entity` is empty for persons' tags; of a household's, `persons` counts households. `earlier`
    is how many had it on the run day before, None if it was not measured then.
    """

    tag: str
    persons: int
    labels: int
    low: float | None
    median: float | None
    high: float | None
    entity: str = ""
    earlier: int | None = None


@dataclass(frozen=True)
class LiftBand:
    """One decile of a model's hold-out, best first."""

    decile: int
    n: int
    positives: int
    gain: float
    lift: float


@dataclass(frozen=True)
class ModelCard:
    """The champion of a model, or its newest version if none is; quality on the hold-out.

    `refused_on` is the day of a later training that the gate refused.
    """

    model: str
    version: int
    trained: date
    outcome: str
    algorithm: str
    holdout: int
    base_rate: float | None
    auc: float | None
    calibration_error: float | None
    refused_on: date | None = None
    scored: int = 0
    bands: tuple[LiftBand, ...] = ()


@dataclass(frozen=True)
class Lookalike:
    """One lookalike: share of hidden seeds found by share of persons, and its levels."""

    name: str
    day: date | None
    curve: tuple[tuple[float, float, float], ...]
    levels: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Indicator:
    """One row of reports.indicator."""

    name: str
    day: date
    of: str  # value of its dimension; '' = all
    part: str
    value: float
    persons: int | None
    base: int | None


@dataclass(frozen=True)
class JobRun:
    """One part of a job on the run day."""

    job: str
    parts: int
    outcome: str
    seconds: float
    rows: int


@dataclass(frozen=True)
class Measure:
    """One figure of ops.metric."""

    job: str
    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Facts:
    """All that a report shows.

    Attributes:
        missing: Tables without a published version; their sections say so.
        totals: Rows or distinct things of the whole bank by name.
        daily: (day, terminal, events), the latest days.
        per_person: (identifiers, persons who have that many).
        changes: Persons by kind of change, on changes_day.
        odd_person: The person with most joints and conflicts, if anybody has some.
        stages: Persons by stage, on stage_day.
        entity_tags: Tags of households, accounts ...
        tag_values: (tag, value, persons) of tags with few values or of classes of numbers.
        indicators: The latest days; of dimensions the values with most.
        audiences: (audience, day, persons).
        overlaps: Persons in both audiences of a pair.
        quarantine: (source, rule, rows).
    """

    day: date
    missing: frozenset[str] = frozenset()
    totals: dict[str, int] = field(default_factory=dict)
    sources: tuple[SourceRows, ...] = ()
    daily: tuple[tuple[date, str, int], ...] = ()
    id_types: tuple[IdType, ...] = ()
    per_person: tuple[tuple[int, int], ...] = ()
    changes_day: date | None = None
    changes: dict[str, int] = field(default_factory=dict)
    cluster_sizes: tuple[ClusterSize, ...] = ()
    largest: tuple[Cluster, ...] = ()
    odd_person: PersonGraph | None = None
    set_aside: tuple[SetAside, ...] = ()
    refused_pairs: tuple[SetAside, ...] = ()
    entities: tuple[EntityKind, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    stage_day: date | None = None
    stages: dict[str, int] = field(default_factory=dict)
    flow: Flow | None = None
    rfm_day: date | None = None
    rfm: tuple[RfmCell, ...] = ()
    tags: tuple[TagReach, ...] = ()
    entity_tags: tuple[TagReach, ...] = ()
    tag_values: tuple[tuple[str, str, int], ...] = ()
    models: tuple[ModelCard, ...] = ()
    lookalikes: tuple[Lookalike, ...] = ()
    audiences: tuple[tuple[str, date, int], ...] = ()
    overlaps: dict[tuple[str, str], int] = field(default_factory=dict)
    quarantine: tuple[tuple[str, str, int], ...] = ()
    runs: tuple[JobRun, ...] = ()
    measures: tuple[Measure, ...] = ()
