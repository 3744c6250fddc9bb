"""The macros that databank comes with; a further one is a further entry."""

from functools import partial

from databank.expressions import cells
from databank.expressions.macros import MacroSpec, ResultTable, register

register(
    MacroSpec(
        "events",
        "events('login', 'this month', \"terminal = 'app'\")",
        "How many events there are.",
        "bigint",
        evaluate=partial(cells.total, column="n"),
        reads=("n",),
        empty=0,
        measure="count",
    )
)
register(
    MacroSpec(
        "amount",
        "amount('purchase', 'last 90 days')",
        "Sum of the amounts.",
        "double",
        evaluate=partial(cells.total, column="amount"),
        reads=("amount",),
        empty=0,
        measure="sum(amount)",
    )
)
register(
    MacroSpec(
        "average_amount",
        "average_amount('purchase', 'last 90 days')",
        "Average amount of the events that have one.",
        "double",
        evaluate=cells.average,
        reads=("amount", "amounts"),
        measure="avg(amount)",
    )
)
register(
    MacroSpec(
        "largest_amount",
        "largest_amount('purchase', 'last 90 days')",
        "Largest amount of one event.",
        "double",
        evaluate=partial(cells.extreme, column="amount_max", largest=True),
        reads=("amount_max",),
        measure="max(amount)",
    )
)
register(
    MacroSpec(
        "smallest_amount",
        "smallest_amount('purchase', 'last 90 days')",
        "Smallest amount of one event.",
        "double",
        evaluate=partial(cells.extreme, column="amount_min", largest=False),
        reads=("amount_min",),
        measure="min(amount)",
    )
)
register(
    MacroSpec(
        "quantity",
        "quantity('purchase', 'last 90 days')",
        "Sum of the quantities.",
        "double",
        evaluate=partial(cells.total, column="quantity"),
        reads=("quantity",),
        empty=0,
        measure="sum(quantity)",
    )
)
register(
    MacroSpec(
        "distinct",
        "distinct('read', 'category', 'last 30 days')",
        "How many different values a dimension has.",
        "bigint",
        required=("event", "dimension"),
        evaluate=cells.distinct,
        empty=0,
        measure="distinct",
    )
)
register(
    MacroSpec(
        "sum_of",
        "sum_of('play', 'points', 'last 30 days')",
        "Sum of the numbers of a dimension.",
        "double",
        required=("event", "number"),
        evaluate=cells.sum_of,
        reads=("n",),
        empty=0,
        measure="sum(number)",
    )
)
register(
    MacroSpec(
        "average_of",
        "average_of('play', 'points', 'last 30 days')",
        "Average of the numbers of a dimension, over the events that have one.",
        "double",
        required=("event", "number"),
        evaluate=cells.average_of,
        reads=("n",),
        measure="avg(number)",
    )
)
register(
    MacroSpec(
        "largest_of",
        "largest_of('play', 'points', 'last 30 days')",
        "Largest number of a dimension.",
        "double",
        required=("event", "number"),
        evaluate=partial(cells.extreme_of, largest=True),
        measure="max(number)",
    )
)
register(
    MacroSpec(
        "smallest_of",
        "smallest_of('play', 'points', 'last 30 days')",
        "Smallest number of a dimension.",
        "double",
        required=("event", "number"),
        evaluate=partial(cells.extreme_of, largest=False),
        measure="min(number)",
    )
)
register(
    MacroSpec(
        "first_on",
        "first_on('purchase')",
        "Day of the first event.",
        "date",
        evaluate=partial(cells.extreme, column="day", largest=False),
        measure="first",
    )
)
register(
    MacroSpec(
        "last_on",
        "last_on('login', 'last 30 days')",
        "Day of the last event.",
        "date",
        evaluate=partial(cells.extreme, column="day", largest=True),
        measure="last",
    )
)
register(
    MacroSpec(
        "days_active",
        "days_active('login', 'last 30 days')",
        "On how many different days there are events.",
        "bigint",
        evaluate=cells.days,
        empty=0,
        measure="days",
    )
)
register(
    MacroSpec(
        "days_in_a_row",
        "days_in_a_row('login', 'last 30 days')",
        "Length of the longest run of days with events.",
        "bigint",
        evaluate=cells.longest_run,
        empty=0,
        measure="streak",
    )
)
register(
    MacroSpec(
        "days_since",
        "days_since('purchase')",
        "Days since the last event of the whole past.",
        "int",
        optional=("filter",),
        evaluate=cells.days_since,
        measure="recency",
    )
)
register(
    MacroSpec(
        "first_time",
        "first_time('purchase', 'this month')",
        "Whether the first event of all lies in the window.",
        "boolean",
        required=("event", "window"),
        optional=("filter",),
        evaluate=cells.first_time,
        empty=False,
        whole_past=True,
    )
)
register(
    MacroSpec(
        "stopped",
        "stopped('login', '30 days')",
        "Whether there were events before the period, and none within it.",
        "boolean",
        required=("event", "period"),
        optional=("filter",),
        evaluate=cells.stopped,
        empty=False,
        whole_past=True,
    )
)
register(
    MacroSpec(
        "in_audience",
        "in_audience('newcomers')",
        "Whether the audience of the day has the person.",
        "boolean",
        required=("audience",),
        optional=(),
        result=ResultTable("audiences.member", "true", ("day", "audience"), name="audience"),
        empty=False,
        node="audience",
    )
)
register(
    MacroSpec(
        "in_lookalike",
        "in_lookalike('like_our_best')",
        "Whether the lookalike of the day has the person.",
        "boolean",
        required=("lookalike",),
        optional=(),
        result=ResultTable(
            "lookalike.member", "true", ("day", "name", "rank", "score"), name="name"
        ),
        empty=False,
        node="lookalike",
    )
)
register(
    MacroSpec(
        "stage",
        "stage() = 'loyalty'",
        "Stage of the life cycle on the day.",
        "string",
        required=(),
        optional=(),
        result=ResultTable("lifecycle.stage", "stage", ("day", "stage")),
        node="lifecycle",
        persons_only=True,
    )
)
register(
    MacroSpec(
        "score",
        "score('churn') >= 0.5",
        "Latest score of a model's champion, calibrated where the model is.",
        "double",
        required=("model",),
        optional=(),
        # the calibrated score is the probability that thresholds are written for
        result=ResultTable(
            "models.score",
            "coalesce(calibrated, score)",
            ("as_of", "model", "score", "calibrated"),
            name="model",
            person="entity_id",
            by_day=False,
        ),
        node="model",
        persons_only=True,
    )
)
