"""Errors an operator can act on: place, fact, remedy, and the exit code that goes with them."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_MOST_CLOSE = 3  # names in `did you mean`
_MOST_COMPARED = 200  # known names whose nearness is measured in full
_LONGEST_LIST = 600  # signs of the names that a remedy lists


class DataBankError(Exception):
    """Root of all errors the operator can fix; a bug keeps its traceback and leaves with 1."""

    exit_code = 2


class GateRefusedError(DataBankError):
    """A gate refused (data quality, model, id churn): nothing was published."""

    exit_code = 3


class TooFewError(DataBankError):
    """The bank has not enough to learn one thing from; what does not stand on it goes on."""


class MissingColumnsError(DataBankError, LookupError):
    """A frame lacks columns that a transform needs."""

    def __init__(self, missing: Iterable[str], *, present: Iterable[str], where: str) -> None:
        super().__init__(
            f"{where}: missing columns {sorted(missing)}; the frame has {sorted(present)}"
        )


class UnsafeKeysError(DataBankError, ValueError):
    """Keys are null or repeated; to write such rows would not be repeatable."""

    def __init__(self, table: str, keys: Iterable[str], *, nulls: int, repeated: int) -> None:
        super().__init__(
            f"{table}: key ({', '.join(keys)}) is null in {nulls} rows and repeated for "
            f"{repeated} keys; nothing was written: fix the source of these rows"
        )


class ForeignCommitError(DataBankError):
    """A commit to a table was not made by a run of databank."""

    def __init__(self, table: str, version: int, operation: str, sound: int) -> None:
        remedy = (
            f"bring version {sound} back by Delta's RESTORE"
            if sound >= 0
            else "no version of it was ever published: remove the table"
        )
        super().__init__(
            f"{table}: version {version} ({operation}) was not written by databank; {remedy}"
        )


class DamagedTableError(DataBankError):
    """A file of a table is gone, cut short, or holds something else."""

    def __init__(self, table: str, file: str, reason: str) -> None:
        super().__init__(
            f"{table}: {file}: {reason}; restore it from a backup (`databank doctor` tells what "
            "else is damaged, and what can be built anew)"
        )


class LeaseHeldError(DataBankError):
    """Another run of the same job is alive on this warehouse."""


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of the configuration: where it is, what is wrong, what to write instead."""

    file: str
    key: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.wrong}; {self.remedy}"


class ManyFaultsError(ValueError):
    """All that is wrong with one text, each fault `what is wrong; what to write instead`.

    Attributes:
        faults: What is wrong with the text alone.
        names: The columns that it names, which may be wrong, too, as far as it could be read.
    """

    def __init__(self, faults: Iterable[str], names: Iterable[str] = ()) -> None:
        self.faults, self.names = tuple(dict.fromkeys(faults)), frozenset(names)
        super().__init__("\n".join(self.faults))


def wrong_and_remedy(error: Exception | str) -> tuple[str, str]:
    """Split the message of a check, `what is wrong; what to write instead`; no remedy = ''."""
    wrong, _, remedy = str(error).partition("; ")
    return wrong, remedy


def faults_in(error: Exception, *, of: str = "") -> list[tuple[str, str]]:
    """List what is wrong and what to write instead, for each fault that an error holds.

    Args:
        error: Of a check.
        of: Written before what is wrong.
    """
    texts = error.faults if isinstance(error, ManyFaultsError) else (str(error),)
    return [(f"{of}{wrong}", remedy) for wrong, remedy in map(wrong_and_remedy, texts)]


class ConfigFaultsError(DataBankError):
    """All faults of all configuration files, found in one pass."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Give a remedy for a wrong name: the closest known ones, or the list, closest first."""
    close = difflib.get_close_matches(name, known, n=_MOST_CLOSE)
    if close:
        others = ", ".join(repr(each) for each in close[1:])
        return f"did you mean {close[0]!r}?{f' (or {others})' if others else ''}"
    if not known:
        return "none is defined yet"
    listed: list[str] = []
    length = 0
    for each in _nearest_first(name, known):
        length += len(each) + 2
        if listed and length > _LONGEST_LIST:
            break
        listed.append(each)
    more = len(known) - len(listed)
    return f"known: {', '.join(listed)}{f' and {more} more' if more else ''}"


def _nearest_first(name: str, known: Collection[str]) -> list[str]:
    """Sort names by nearness; of very many only those that may be near, since that takes long."""
    matcher = difflib.SequenceMatcher(b=name)

    def nearness(each: str, *, quick: bool) -> tuple[float, str]:
        matcher.set_seq1(each)
        return (-(matcher.quick_ratio() if quick else matcher.ratio()), each)

    first = sorted(known, key=lambda each: nearness(each, quick=True))[:_MOST_COMPARED]
    return sorted(first, key=lambda each: nearness(each, quick=False))
