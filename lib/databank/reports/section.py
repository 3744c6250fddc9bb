"""A section of the report: what it reads of the bank and how it is drawn, in one class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Generic, TypeVar

from databank.reports import format as fmt
from databank.reports.config import ReportConfig
from databank.reports.page import Panel, Section, Tile
from databank.reports.reader import Reader

D = TypeVar("D")


@dataclass(frozen=True)
class Notes:
    """What a section may say beside its own data.

    Attributes:
        day: Run day.
        config: Meaning of the names that the tables hold.
        totals: Rows or distinct things of the whole bank by name, told by all sections.
    """

    day: date
    config: ReportConfig = field(default_factory=ReportConfig)
    totals: Mapping[str, int] = field(default_factory=dict)


class ReportSection(ABC, Generic[D]):
    """One part of the page; a subclass is one file of `reports/sections` and one registry entry.

    `collect` may use Spark and returns small, plain data; `draw` works without Spark, so that a
    test can draw hand-made data.

    Attributes:
        key: Anchor of the section on the page.
        title: Heading.
        tables: All tables that `collect` reads.
        needs: Tables without which there is nothing to show.
        filled_by: Job that writes the needed tables.
        technical: Whether it is for those who run the bank; it stands folded at the end.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]]
    filled_by: ClassVar[str]
    technical: ClassVar[bool] = False

    @abstractmethod
    def collect(self, reader: Reader) -> D:
        """Read the tables; the data is empty where they are not published or hold no rows."""

    def totals(self, data: D) -> dict[str, int]:
        """Name the counts that other sections and the sentence under the heading may quote."""
        return {}

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether the configuration asks for this: what nobody wants gives no reason."""
        return True

    @abstractmethod
    def draw(self, data: D, notes: Notes) -> Section | None:
        """Draw the data; None if there is nothing to show."""

    def section(
        self, summary: str, panels: tuple[Panel, ...], tiles: tuple[Tile, ...] = ()
    ) -> Section:
        """Put a drawn summary, tiles and panels under the key and title of this section."""
        return Section(self.key, self.title, summary, tiles, panels, technical=self.technical)

    def without_data(self, missing: frozenset[str], day: date) -> Section:
        """Give the reason for an empty section, and the job that fills it.

        Args:
            missing: Tables without a published version.
            day: Run day.
        """
        absent = [name for name in self.needs if name in missing]
        if absent:
            verb = "is" if len(absent) == 1 else "are"
            reason = (
                f"{fmt.listed(absent)} {verb} not published yet; "
                f"the job {self.filled_by} fills this section."
            )
        else:
            verb = "holds" if len(self.needs) == 1 else "hold"
            reason = (
                f"{fmt.listed(list(self.needs))} {verb} no rows up to {fmt.day(day)}; "
                f"the job {self.filled_by} fills it."
            )
        return Section(self.key, self.title, "", missing=reason, technical=self.technical)
