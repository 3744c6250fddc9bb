"""Records of a JSON file: one object a line, or objects in any other layout."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from databank.sources.formats.records import Records
from databank.sources.formats.text_stream import LONGEST_RECORD, Lines

# behind a closing brace, what can stand there only in a text, or behind the whole object
_BEHIND = re.compile(rb"\}[ \t\f\v]*+[^\s,\]}]")
_BETWEEN = re.compile(r"[\s,\[\]]*+")  # what parts the objects of an array, or of a file
_LONGEST_WORD = 16  # signs of `-Infinity` and the like, which a block may cut in two
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers of any length


@dataclass(frozen=True)
class JsonRecords:
    """How the text of a JSON file becomes records.

    The first line decides. If it is an object, each line is a record. If it is part of an object
    or of an array, or several objects, the file is read object by object, whatever the layout, and
    records are numbered one by one instead of by line.
    """

    encoding: str = "utf-8"

    def split(self, blocks: Iterator[Lines]) -> Iterator[Records]:
        """Find the records of a file."""
        read = []
        for block in blocks:
            read.append(block)
            first = next((line for line in block.lines if line.strip()), None)
            if first is not None:
                every = chain(read, blocks)
                yield from self._lines(every) if self._is_one(first) else self._objects(every)
                return

    def _is_one(self, line: bytes) -> bool:
        """Tell whether a line is to be taken as a record, be it a sound one or not."""
        text = self._text(line).strip()
        try:
            _, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError) as error:
            return not (text[:1] in "{[" and _may_go_on(error, text))
        return not text.startswith("[") and not text[end:].lstrip().startswith("{")

    def _lines(self, blocks: Iterator[Lines]) -> Iterator[Records]:
        for block in blocks:
            records = Records()
            for place, line in enumerate(block.lines):
                fault = block.faults.get(place)
                if fault is None and _is_odd(line):
                    fault = self._fault(line)
                records.add(block.number + place, line, fault)
            yield records

    def _fault(self, line: bytes) -> str | None:
        """Tell what stands behind the object of a line; the rest is for Spark to judge."""
        text = self._text(line).strip()
        try:
            _, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return None
        behind = text[end:].strip()
        if behind.startswith("{"):
            return "several objects on one line; write each on a line of its own"
        return f"text behind the object: {behind[:40]}" if behind else None

    def _objects(self, blocks: Iterator[Lines]) -> Iterator[Records]:
        number, text = 1, ""
        for block in chain(blocks, (None,)):
            last = block is None
            text += "" if block is None else self._text(b"\n".join(block.lines)) + "\n"
            records, at = Records(), 0
            while (at := _end_of_gap(text, at)) < len(text):
                fault = None
                try:
                    value, end = _DECODER.raw_decode(text, at)
                except (ValueError, RecursionError) as error:
                    if not last and len(text) - at < LONGEST_RECORD and _may_go_on(error, text):
                        break
                    line_end = text.find("\n", at)
                    end, fault = (line_end if line_end > 0 else len(text)), "not JSON"
                else:
                    fault = None if isinstance(value, dict) else "not a JSON object"
                records.add(number, text[at:end].encode(self.encoding, errors="replace"), fault)
                number, at = number + 1, end
            text = text[at:]
            yield records

    def _text(self, line: bytes) -> str:
        return line.decode(self.encoding, errors="replace")


def _is_odd(line: bytes) -> bool:
    """Tell, without parsing it, whether a line may be more than one object."""
    if _BEHIND.search(line) or line.count(b"{") != line.count(b"}"):
        return True
    return not line.rstrip().endswith(b"}")


def _may_go_on(error: Exception, text: str) -> bool:
    """Tell whether a text that is not JSON may become so by what follows it."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - _LONGEST_WORD


def _end_of_gap(text: str, at: int) -> int:
    gap = _BETWEEN.match(text, at)
    return gap.end() if gap else at
