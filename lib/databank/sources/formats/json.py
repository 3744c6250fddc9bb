"""json: text, one object a line."""

from typing import Literal

from databank.sources.formats.text import TextFormat


class JsonFormat(TextFormat):
    """JSON files, one object a line; .gz is unpacked."""

    format: Literal["json"]
