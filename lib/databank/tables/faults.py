"""Points of a run at which a test lets it die, as a machine would."""

import os
import signal


def die_at(point: str) -> None:
    """Die here if DATABANK_FAULT names this point; how scripts/check_crash proves recovery."""
    if os.environ.get("DATABANK_FAULT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
