"""Numbers with a point as the bank keeps them: how many digits, and how arrays add them up."""

# currencies have up to three decimals, ad networks count in millionths, coins of the net in 10**-8
SCALE = 8
DIGITS = 20  # of the number of one event, before the point
DECIMAL = f"decimal({DIGITS + SCALE},{SCALE})"
SUMMED = f"decimal(38,{SCALE})"  # of many: no sum of as many rows as a bank holds is too large


def fraction_column(name: str) -> str:
    """Name the column with what is behind the point of the numbers of another one."""
    return f"_fraction_{name}"
