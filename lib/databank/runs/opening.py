"""A bank is opened for runs: the session may take long to start, which is shown."""

from databank.config import Settings
from databank.runs.progress import Progress
from databank.runs.runner import Runner
from databank.session import open_session
from databank.tables import DeltaStore


def open_runner(settings: Settings, root: str, progress: Progress | None = None) -> Runner:
    """Give a runner on the bank of a root.

    Raises:
        DataBankError: As `open_session` and the store do.
    """
    progress = progress or Progress()
    with progress.wait("session"):
        store = DeltaStore(open_session(settings), root)
        return Runner(store, settings, progress=progress)
