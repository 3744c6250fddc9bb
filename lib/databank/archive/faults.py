"""Count for whom expressions could not be computed: a zero divisor, a failed cast, an overflow."""

from collections.abc import Iterable, Mapping

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions import Expression
from databank.runs import Context


def have_faults(expressions: Iterable[Expression]) -> bool:
    """Tell whether any of them may not be computable; the frame is read once more to count."""
    return any(expression.faults for expression in expressions)


def report_faults(
    context: Context, frame: DataFrame, named: Mapping[str, Iterable[Expression]], *, kind: str
) -> dict[str, str]:
    """Count for each entry the persons whose value is unknown because of such a fault.

    Cost: one aggregate over the frame if any of the expressions may have a fault, else none.

    Args:
        context: The run; the counts go to ops.metric.
        frame: All columns that the expressions use.
        named: The expressions of each entry.
        kind: What the entries are: tag, audience.

    Returns:
        A line of the summary for each entry with such persons.
    """
    counted = {
        name: F.count_if(_is_fault(faulty)).alias(name)
        for name, expressions in named.items()
        if (faulty := [each for each in expressions if each.faults])
    }
    row = frame.agg(*counted.values()).first() if counted else None
    counts = {} if row is None else row.asDict()
    for name, count in counts.items():
        context.metric(f"{kind}_faults", count, **{kind: name})
    return {
        f"not computable: {name}": f"{count} (zero divisor, failed cast or overflow; taken as null)"
        for name, count in counts.items()
        if count
    }


def _is_fault(expressions: Iterable[Expression]) -> Column:
    # what `or`, `and` or coalesce make of it is known all the same
    each = (
        f"(({e.sql}) IS NULL AND ({' OR '.join(f'({f})' for f in e.faults)}))" for e in expressions
    )
    return F.expr(" OR ".join(each))
