"""`databank doctor`: what of a bank is damaged or left over, and what to do."""

from databank.cli.show import Rows
from databank.errors import DataBankError
from databank.project.doctor import find_damage

_REBUILD = (
    "what has no backup can be built anew in an empty root that is given landing/ and mlflow/ of "
    "this one: `databank run all`; persons then get new numbers, and past days begin anew"
)


def examine_bank(root: str) -> tuple[Rows, DataBankError | None]:
    """Look into a bank; the findings, and the error to leave with if there is damage.

    Raises:
        DataBankError: If the root does not exist.
    """
    findings = find_damage(root)
    rows = [
        {
            "what": each.subject,
            "state": "damaged" if each.damage else "to know",
            "fact": each.fact,
            "what to do": each.remedy,
        }
        for each in findings
    ]
    damaged = sorted({each.subject for each in findings if each.damage})
    if not damaged:
        return rows, None
    return rows, DataBankError(f"--root {root}: damaged: {', '.join(damaged)}; {_REBUILD}")
