"""The way to PostgreSQL: a pool that fails fast while the database is away and finds it again by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from services.runtime.errors import ApiError, Unavailable
from services.runtime.migrate import MigrationError, Schema, first_line, migrate

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

CONNECTION_WAIT = 1.5
"""Seconds that a question waits for a connection."""
RETRY_EVERY = 0.5
"""Seconds between two looks for a database that is away."""
STATEMENT_SECONDS = 3
"""Seconds that PostgreSQL may work on a statement; reports have more."""
REPORT_SECONDS = 15
_GRACE = 1  # seconds that its reply may take beyond that

# Another database stands where the migrated one was: a fresh one, or a replica.
_REPLACED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.ReadOnlySqlTransaction,
)
_DEFAULTS = {
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 10,
}
_OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s -c idle_in_transaction_session_timeout=10s -c timezone=UTC"


class _ConnectionBroken(Exception):
    """The connection ended under a question."""


class Connection(psycopg.Connection[DictRow]):
    """A connection that also ends the wait for a server that is frozen or unreachable."""

    reply_seconds: float = STATEMENT_SECONDS + _GRACE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval=interval, timeout=timeout or self.reply_seconds)


def patiently(conn: Connection) -> None:
    """Let the statements of the open transaction take REPORT_SECONDS each."""
    conn.execute(f"SET LOCAL statement_timeout = '{REPORT_SECONDS}s'")
    conn.reply_seconds = REPORT_SECONDS + _GRACE


class Database:
    """Runs questions on pooled connections of a migrated database.

    While the database is away every question fails at once with the service's own Unavailable, and
    a thread looks for it; once found, it is migrated before the first question. A question may run
    twice when its connection breaks, so it must be safe to repeat.
    """

    def __init__(
        self,
        conninfo: str,
        schema: Schema,
        *,
        name: str,
        unavailable: type[Unavailable] = Unavailable,
        refusals: Mapping[str, Callable[[str, str], ApiError]] | None = None,
        connections: int = 8,
    ) -> None:
        """Nothing is connected before `start`; PostgreSQL shows its sessions under `name`.

        `refusals` makes an error for the caller of what the schema's own functions raise, by SQLSTATE: of the
        COLUMN and the DETAIL that they name.
        """
        self._conninfo = conninfo
        self._schema = schema
        self._unavailable = unavailable
        self._refusals = refusals or {}
        given = conninfo_to_dict(conninfo)
        defaults = {**_DEFAULTS, "application_name": name}
        self._connect = {key: value for key, value in defaults.items() if key not in given}
        self._connect["options"] = f"{_OPTIONS} {given.get('options') or ''}".strip()  # the later one holds
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it logs every question, and each retry
        self._pool = ConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={**self._connect, "autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=connections,
            timeout=CONNECTION_WAIT,
            reconnect_timeout=1,  # give up soon: a later question asks anew, without a long back-off
            open=False,
        )
        self._up = threading.Event()
        self._wake = threading.Event()
        self._stopping = False
        self._failure: Exception | None = None
        self._keeper = threading.Thread(target=self._keep, name="database-keeper", daemon=True)

    def begin(self) -> None:
        """Begin to look for the database, without waiting for it; `check` says how that goes."""
        self._keeper.start()

    def start(self, wait: float) -> None:
        """Begin to look for the database, and wait up to `wait` seconds until it is found and migrated.

        Returns all the same when it is away. Raises MigrationError when it is there and cannot be migrated.
        """
        self.begin()
        deadline = time.monotonic() + wait
        while not self._up.wait(0.05) and time.monotonic() < deadline:
            if isinstance(self._failure, MigrationError):
                self.close()
                raise self._failure

    def close(self) -> None:
        """Let go of all connections."""
        self._stopping = True
        self._up.clear()
        self._wake.set()
        self._keeper.join(timeout=0.5)
        self._pool.close(timeout=0.5)

    def run(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to `question`, each of whose statements is a transaction; Unavailable without one."""
        try:
            return self._ask(question)
        except _ConnectionBroken:
            # The database was restarted, perhaps: drop what broke and try a fresh connection.
            self._pool.check()
        try:
            return self._ask(question)
        except _ConnectionBroken:
            self._lost()
            raise self._unavailable from None

    def report(self, question: Callable[[Connection], Answer]) -> Answer:
        """As `run`, but in one transaction whose statements may take REPORT_SECONDS."""

        def patient(conn: Connection) -> Answer:
            with conn.transaction():
                patiently(conn)
                return question(conn)

        return self.run(patient)

    def check(self) -> str | None:
        """None when the database answers now, else what is wrong."""
        try:
            self.run(lambda conn: conn.execute("SELECT 1").fetchone())
        except Unavailable:
            return str(self._failure) if isinstance(self._failure, MigrationError) else "PostgreSQL does not answer."
        return None

    def _ask(self, question: Callable[[Connection], Answer]) -> Answer:
        if not self._up.is_set():
            raise self._unavailable
        try:
            with self._pool.connection() as conn:
                conn.reply_seconds = Connection.reply_seconds
                try:
                    return question(conn)
                except psycopg.Error as error:
                    self._judge(conn, error)
                    raise
        except psycopg.OperationalError:  # no connection in time
            self._lost()
            raise self._unavailable from None

    def _judge(self, conn: Connection, error: psycopg.Error) -> None:
        """Raise what a failed question means for the service; return when the question itself was wrong."""
        refusal = self._refusals.get(error.sqlstate or "")
        if refusal is not None:
            raise refusal(error.diag.column_name or "", error.diag.message_detail or "")
        if isinstance(error, _REPLACED):
            self._lost()
        elif not isinstance(error, psycopg.OperationalError):
            return
        log.warning("the database failed a question: %s", first_line(error))
        if conn.closed:
            raise _ConnectionBroken
        if conn.info.transaction_status is TransactionStatus.ACTIVE:  # it never replied
            conn.close()
            self._lost()
        raise self._unavailable

    def _lost(self) -> None:
        self._up.clear()
        self._wake.set()

    def _keep(self) -> None:
        self._pool.open()
        while not self._stopping:
            if not self._up.is_set():
                self._find()
            self._wake.wait(None if self._up.is_set() else RETRY_EVERY)
            self._wake.clear()

    def _find(self) -> None:
        """Look for the database once and migrate it."""
        try:
            applied = migrate(self._conninfo, self._schema, **self._connect)
        except (psycopg.OperationalError, MigrationError) as error:
            if str(error) != str(self._failure):
                log.error("the database is not ready: %s", first_line(error))
            self._failure = error
            return
        log.info("the database is ready", extra={"migrated": applied})
        self._failure = None
        self._up.set()
