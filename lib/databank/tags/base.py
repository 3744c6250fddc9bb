"""What all kinds of tags have in common: their keys, and what a kind may say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from databank.archive.config import ArchiveConfig, TagType
from databank.archive.refers import PERSONS, Refers
from databank.config import Name
from databank.config.kinds import Entry
from databank.expressions import Expression, parse_expression, parse_window
from databank.identity.config import IdentityConfig
from databank.identity.entities.config import PERSON
from databank.identity.entities.subject import Subject
from databank.sources.formats.base import SourceFormat
from databank.tags.describe import macro_reads

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from databank.runs import Context
    from databank.tags.explain import Reason, TagEvidence

# tags have a property `type`, which hides the builtin within the class
KindClass: TypeAlias = "type[TagBase]"
# names that columns have already
RESERVED = frozenset({"person_id", "tag", "as_of", PERSONS})


def _past(text: str | None) -> str | None:
    if text is not None and parse_window(text).text.startswith("next "):
        raise ValueError(f"window {text!r} lies after the run day; write `last ...`")
    return text


def _without_macros(text: str | None) -> str | None:
    if text is not None and parse_expression(text).macros:
        raise ValueError("`filter` has a macro; use terminal and dimensions only")
    return text


Share = Annotated[float, Field(gt=0, lt=1)]
PastWindow = Annotated[
    str | None,
    AfterValidator(_past),
    Field(description="Days or hours that count: last 30 days; default: ever"),
]
EventFilter = Annotated[
    str | None,
    AfterValidator(_without_macros),
    Field(description="Spark SQL over terminal and the dimensions of conf/archive.yml"),
]


class TagFaultError(ValueError):
    """A fault of one key of a tag: `what is wrong; what to write instead`."""

    def __init__(self, key: str, message: object) -> None:
        super().__init__(str(message))
        self.key = key


@dataclass(frozen=True)
class Surroundings:
    """The rest of the configuration, as far as tags are checked against it.

    Attributes:
        identity: Types of identifiers and entities; None where the file could not be read.
        sources: How identifiers are written in the sources.
        outcomes: Model -> what it tells apart: what is so, and what is not.
        tables: Names of all tables.
        types: Type of each tag by its name.
    """

    identity: IdentityConfig | None = None
    sources: Collection[SourceFormat] = ()
    outcomes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tables: Collection[str] = ()
    types: Mapping[str, TagType] = field(default_factory=dict)


@dataclass(frozen=True)
class InputRequest:
    """One build, as far as kinds need it to read their inputs.

    Attributes:
        context: The run.
        archive: Dimensions of events.
        subject: Whose tags are built.
        library: All tags of the configuration.
        notes: Lines for the summary of the run; kinds add theirs.
    """

    context: Context
    archive: ArchiveConfig
    subject: Subject
    library: Sequence[TagBase]
    notes: dict[str, str] = field(default_factory=dict)


class TagBase(Refers, Entry, ABC):
    """One tag. A kind extends this class, in a file of its own, and is registered in `library`.

    A kind gives its keys as fields, `example`, `type` and `column`; all else has a default.
    """

    # advice where nobody has the tag
    if_empty: ClassVar[str] = "its condition holds for nobody"
    # whether households, accounts ... cannot have such a tag
    persons_only: ClassVar[bool] = False

    entity: Name = Field(
        default=PERSON, description="Whose tag: a person's, or that of an entity of identity.yml"
    )
    status: Literal["draft", "active", "retired"] = Field(
        default="active", description="A draft is built by --only alone; a retired tag never is"
    )
    refresh: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]* days?$",
        description="Rebuilt once its values are so old; default: by each run. Until then persons "
        "who were merged have them under their former number, and erased data of a person may "
        "still be in them",
    )
    keep_days: int | None = Field(
        default=None, ge=1, description="Values of so many days are kept in tags.history"
    )
    alarm: float | None = Field(
        default=None,
        gt=0,
        description="Reported if the number of those who have it moves by more than this share "
        "from run to run",
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.name in RESERVED:
            raise ValueError(f"tag {self.name!r} has the name of a column; choose another name")
        if self.persons_only and not self.subject.is_person:
            raise ValueError(
                f"tag {self.name!r}: a {self.entity} has no {self.noun}; make a person's tag of "
                "it, an audience of these persons, and ask in_audience(...)"
            )
        if self.keep_days is not None and not self.subject.is_person:
            raise ValueError(f"tag {self.name!r}: only persons' tags are kept; remove `keep_days`")
        # expressions are read once here, so that their faults are this tag's faults
        self.refuse_what_persons_have()
        return self

    @property
    def noun(self) -> str:
        """Name the kind in a sentence."""
        return self.kind

    @property
    @abstractmethod
    def type(self) -> TagType:
        """Type of the tag's value, as expressions see it."""

    @property
    def possible_values(self) -> frozenset[str] | None:
        """All texts that its value may be; None = any, or it is no text."""
        return None

    @property
    def full_description(self) -> str:
        """Describe the tag for people, with what a kind adds to `description`."""
        return self.description

    @property
    def refresh_days(self) -> int:
        """Age in days that values may reach; 0 = each run builds them."""
        return int(self.refresh.split()[0]) if self.refresh is not None else 0

    # --- loading and checks ---

    def expanded(self) -> Sequence[TagBase]:
        """List the tags that this entry of a file stands for."""
        return [self]

    def completed(self, folder: Path, around: Surroundings) -> Self:
        """Fill in what lies elsewhere: tables beside the file, words of a model.

        Raises:
            TagFaultError: If something is wrong with it.
        """
        return self

    def check(self, around: Surroundings) -> Iterator[TagFaultError]:
        """List what is wrong with the tag beside other tags and tables."""
        yield from ()

    # --- building ---

    @property
    def frame_expressions(self) -> tuple[Expression, ...]:
        """Expressions that are answered before `column` is evaluated: all, by default."""
        return self.expressions

    @classmethod
    def input_group(cls) -> KindClass:
        """Class whose `read_inputs` serves this kind; kinds of one group share a pass."""
        return cls

    @classmethod
    def read_inputs(cls, tags: Sequence[Any], request: InputRequest) -> Sequence[DataFrame]:
        """Read what expressions do not give.

        It is called without tags, too, so that what former tags left behind can be removed.

        Args:
            tags: Tags of the group that are built.
            request: The build.

        Returns:
            Frames of person_id (unique; an entity's id if tags are of an entity) and the columns
            that `column` uses (`input_column`, `score_column`).
        """
        return ()

    def aggregate(self, earlier: Sequence[Any] = ()) -> Column | None:
        """Aggregate over all persons that `column` is given the value of, if it needs one.

        Args:
            earlier: Values of the aggregates before it; it is asked until it needs no further.
        """
        return None

    def report(self, aggregates: Sequence[Any]) -> tuple[dict[str, float], str]:
        """Give figures for ops.metric, and a line of the summary, '' for none."""
        return {}, ""

    @abstractmethod
    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """The tag's value over the columns of macros, other tags and inputs.

        Args:
            aggregates: Values of `aggregate`, in the order in which they were computed.

        Returns:
            A column of the tag's type: a boolean is never null, a count is 0 for nothing, of
            other types null is unknown.
        """

    def score(self) -> Column | None:
        """The number beside a value that is no number, if it has one."""
        return None

    # --- explaining ---

    @property
    def definition(self) -> str:
        """Say in words what the tag makes of other tags; '' = it is made of none."""
        return ""

    def reads(self, as_of: date) -> Iterator[tuple[str, str]]:
        """List what the tag reads: table, and what of it; equal entries are read once."""
        for name in sorted(self.references):
            yield "tags", name
        yield from macro_reads(self.expressions, as_of)

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the rows that made the value of one person or entity."""
        if self.definition:
            yield evidence.of_tags(self)
        yield from evidence.of_macros(self)
