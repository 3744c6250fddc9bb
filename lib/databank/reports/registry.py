"""The sections of the report in the order of the page: a new one is one line here."""

from typing import Any

from databank.reports.section import ReportSection
from databank.reports.sections.assets import Assets
from databank.reports.sections.audiences import Audiences
from databank.reports.sections.identity import Identity
from databank.reports.sections.lifecycle import Lifecycle
from databank.reports.sections.lookalikes import Lookalikes
from databank.reports.sections.models import Models
from databank.reports.sections.quality import Quality
from databank.reports.sections.rfm import Rfm
from databank.reports.sections.tags import Tags
from databank.reports.sections.trends import Trends
from databank.reports.sections.visits import Visits

SECTIONS: list[ReportSection[Any]] = [
    Assets(),
    Trends(),
    Visits(),
    Lifecycle(),
    Rfm(),
    Audiences(),
    Lookalikes(),
    Tags(),
    # for those who run the bank
    Models(),
    Identity(),
    Quality(),
]


def section_reference() -> list[dict[str, str]]:
    """List the sections for the documentation: key, title and the tables that each reads."""
    return [
        {"key": section.key, "title": section.title, "tables": ", ".join(section.tables)}
        for section in SECTIONS
    ]
