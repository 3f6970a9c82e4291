"""What can go wrong in the bridge, as the caller sees it."""

from __future__ import annotations

from services.runtime.errors import ApiError, Unavailable


class LoggingOff(ApiError):
    """Nothing is recorded in Taskwarrior: ENABLE_TASKWARRIOR_LOGGING is false."""

    status = 409
    code = "taskwarrior_logging_off"


class TaskwarriorMissing(Unavailable):
    """Taskwarrior is not installed: no program 'task' is on the PATH. On Debian and Ubuntu: apt install taskwarrior."""

    code = "taskwarrior_missing"


class TaskwarriorFailed(Unavailable):
    """Taskwarrior did not take the tasks; the bridge's log says why. They are kept in the ledger, and tried again."""

    code = "taskwarrior_failed"


class StoreBusy(Unavailable):
    """Another program holds the lock of the Taskwarrior store; try again later."""

    code = "taskwarrior_busy"


class StoreUnusable(Unavailable):
    """The folder of the Taskwarrior store cannot be used."""

    code = "taskwarrior_store_unusable"


class SyncRunning(Unavailable):
    """Another sync is still at work; ask again later."""

    code = "sync_running"


class LedgerUnavailable(Unavailable):
    """The ledger does not answer; what it holds is fetched when it does."""

    code = "ledger_unavailable"


class LedgerUnreadable(Unavailable):
    """The ledger answers with something that the bridge does not understand."""

    code = "ledger_unreadable"


class CursorAhead(LedgerUnreadable):
    """The ledger has fewer entries than were read from it before: it was replaced."""
