"""json: text whose records are objects."""

from typing import Literal

from databank.sources.formats.json_records import JsonRecords
from databank.sources.formats.text import TextFormat
from databank.sources.units import SourceUnit


class JsonFormat(TextFormat):
    """JSON files: an object a line, an array of objects, or objects over lines; .gz is unpacked."""

    format: Literal["json"]

    def splitter(self, unit: SourceUnit) -> JsonRecords:
        """Split into objects."""
        return JsonRecords(self.encoding)
