"""The driver's connection and cursors, guarded: no statement leaves on a path the server has not confirmed.

The driver (psycopg 3) sends every statement of every cursor class through its connection's `_start_query`,
so the guard sits there; the cursor classes only add what needs the statement's text. What the server
confirmed is remembered on the driver's connection, for that is what a pool hands from one user to the next.

PostgreSQL 18 reports `search_path` with the answer to the statement that changed it, whoever changed it and
by whatever means (a SET, a rollback, a function), so nothing needs remembering there. Before 18 the guard
remembers what it set and forgets it at every commit, rollback, error, and statement that it cannot vouch for.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import psycopg
from django.db.backends.postgresql.base import Cursor as DjangoCursor
from django.db.backends.postgresql.base import ServerBindingCursor as DjangoBindingCursor
from django.db.backends.postgresql.base import ServerSideCursor as DjangoServerSideCursor
from psycopg import pq, sql
from psycopg.generators import execute as fetch_results

from tenants.database.backend import statements
from tenants.database.errors import PathNotConfirmed

if TYPE_CHECKING:
    from psycopg.abc import PQGen, Query

    from tenants.database.backend.base import DatabaseWrapper

IDLE, ACTIVE, INTRANS, INERROR = (
    pq.TransactionStatus.IDLE,
    pq.TransactionStatus.ACTIVE,
    pq.TransactionStatus.INTRANS,
    pq.TransactionStatus.INERROR,
)

# The path of a connection that nobody holds (a pool's own checks): no client and not even `public`.
PUBLIC: Final = "public"
NOWHERE: Final = "pg_catalog, pg_temp"

# Setting and asking are one statement; the second column is the first schema of the path that exists and
# may be used, so that a client whose schema is gone does not silently read `public`.
_SET: Final = b"select pg_catalog.set_config('search_path', $1, false), pg_catalog.current_schema()"

# Commands the driver sends by itself after which a path set before is still set.
_KEEPS: Final = (b"BEGIN", b"SAVEPOINT", b"RELEASE", b"FETCH", b"MOVE", b"CLOSE", b"SELECT", b"DEALLOCATE")


_OWN_SCHEMA: Final = re.compile(r'^set local search_path = "([^"]+)"', re.MULTILINE)


class OwnPath(str):
    """SQL that sets its own path in its first statement (`set local search_path = …`): sent as it is.

    For `tenants.database` alone, whose texts make and change schemas by the dozen in one round trip.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> OwnPath:
        """Return the marked text; `ValueError` if it does not begin with setting its path."""
        if not text.startswith("set local search_path = "):
            raise ValueError("A text with a path of its own begins with `set local search_path = `.")
        return super().__new__(cls, text)

    def schemas(self) -> list[str]:
        """Return the schemas beside `public` whose paths the text sets."""
        return [name for name in _OWN_SCHEMA.findall(self) if name != PUBLIC]


class Lease:
    """One user's hold on a driver connection: what it is asked for, until it is closed or given back."""

    __slots__ = ("__weakref__", "_owner")

    def __init__(self, owner: DatabaseWrapper) -> None:
        self._owner = weakref.ref(owner)

    def wanted(self) -> tuple[str, str]:
        """Return the path its owner wants now, and the schema that must come first in it."""
        owner = self._owner()
        if owner is None:
            raise PathNotConfirmed("The connection's owner is gone, so no path can be confirmed for it.")
        return owner.wanted_path, owner.schema_name


class GuardedConnection(psycopg.Connection[Any]):
    """psycopg's connection, which confirms the search path before each statement of any of its cursors."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = GuardedCursor
        self.server_cursor_factory = GuardedBindingServerCursor
        self.current_lease: Lease | None = None
        self.schemas_seen: set[str] = set()  # beside `public`
        self._confirmed: tuple[bytes, int] | None = None
        self._text: str | None = None
        self._cleared_for_pipeline = False
        self._declared: dict[str, str] = {}

    # Holding the connection

    def begin_lease(self, owner: DatabaseWrapper) -> None:
        """Bind the connection to the one whose path it must be on from now."""
        self.current_lease = Lease(owner)

    def end_lease(self) -> None:
        """Unbind: cursors made until now are refused, whoever still holds them."""
        self.current_lease = None
        self._confirmed = None

    def wanted(self) -> tuple[str, str]:
        """Return the path a statement must be on now, and its first schema."""
        return self.current_lease.wanted() if self.current_lease else (NOWHERE, "pg_catalog")

    # Confirming

    def _reported(self) -> bytes | None:
        return self.pgconn.parameter_status(b"search_path")

    def _is_on(self, path: bytes) -> bool:
        if (reported := self._reported()) is not None:
            return reported == path
        if self._confirmed is None:
            return False
        confirmed, status = self._confirmed
        # Confirmed inside a transaction that is over: undone or not, nobody said.
        ended = status == INTRANS and self.pgconn.transaction_status == IDLE
        return confirmed == path and not ended

    def confirm_path(self) -> PQGen[None]:
        """Make sure the server is on the wanted path; raise `PathNotConfirmed` where it does not say so.

        In an aborted transaction nothing is asked: the server itself refuses all but its end.
        """
        status = self.pgconn.transaction_status
        if status == INERROR:
            return
        path, schema = self.wanted()
        wanted = path.encode()
        if self._is_on(wanted):
            return
        if status == ACTIVE:
            raise PathNotConfirmed("Another statement is still running on this connection.")
        self._confirmed = None
        try:
            self.pgconn.send_query_params(_SET, [wanted])
            results = yield from fetch_results(self.pgconn)
        except psycopg.Error as error:
            raise PathNotConfirmed(f"The search path {path} could not be set: {error}") from error
        self._check_answer(results, path, schema)
        self._confirmed = (wanted, self.pgconn.transaction_status)
        if self.current_lease is not None and schema != PUBLIC:
            self.schemas_seen.add(schema)

    def _check_answer(self, results: list[Any], path: str, schema: str) -> None:
        result = results[-1] if results else None
        if result is None or result.status != pq.ExecStatus.TUPLES_OK:
            cause = psycopg.errors.error_from_result(result) if result is not None else None
            raise PathNotConfirmed(f"The search path {path} could not be set: {cause}") from cause
        wanted = path.encode()
        if result.get_value(0, 0) != wanted or self._reported() not in (None, wanted):
            raise PathNotConfirmed(f"The server did not confirm the search path {path}.")
        first = result.get_value(0, 1)
        if first != schema.encode():
            raise PathNotConfirmed(
                f'The schema "{schema}" does not exist or may not be used by this database user, '
                "so nothing is sent on its path."
            )

    def announce(self, text: str | None) -> None:
        """Called by our cursors with the text that `_start_query` is about to send."""
        self._text = text

    def _start_query(self) -> PQGen[None]:
        """Confirm the path, then start a transaction if one is due. Every statement passes here."""
        text, self._text = self._text, None
        if self._pipeline is not None:
            # Only executemany() opens one, and confirmed the path before it did.
            if not self._cleared_for_pipeline:
                raise PathNotConfirmed("In pipeline mode a path would be confirmed too late.")
            if text is None or not statements.leaves_path_alone(text):
                self._confirmed = None
        elif isinstance(text, OwnPath):
            self._confirmed = None
            self.schemas_seen.update(text.schemas())
        elif text is not None and statements.is_rollback_to(text):
            # A path that could not be set now would keep the transaction from being saved.
            self._confirmed = None
        else:
            self._refuse_text(text)
            yield from self.confirm_path()
            if self._reported() is None and (text is None or not statements.leaves_path_alone(text)):
                self._confirmed = None
        yield from super()._start_query()

    def _refuse_text(self, text: str | None) -> None:
        """Refuse several statements in one text of which an early one takes the path from a later one."""
        if self.pgconn.transaction_status == INERROR:
            if text is None:
                raise PathNotConfirmed("In an aborted transaction only our own cursors may send anything.")
            if statements.is_several(text):
                raise PathNotConfirmed(
                    "In an aborted transaction statements are sent one by one, for the path is unknown "
                    "after its end. Send the rollback by itself."
                )
        elif text is not None and statements.loses_path_midway(text):
            raise PathNotConfirmed(
                "A text of several statements ends its transaction or sets the path before its last one, "
                "so the path of the rest is unknown. Send them one by one."
            )
        if text is not None:
            self._refuse_kept_portal(text)

    def _refuse_kept_portal(self, text: str) -> None:
        """Refuse a FETCH by text from a cursor that was declared by text for another client."""
        if name := statements.declared_name(text):
            self._declared[name] = self.wanted()[0]
        elif self._declared and statements.is_fetch(text):
            lowered = text.lower()
            for name, opened_on in self._declared.items():
                if name in lowered:
                    self.refuse_foreign_rows(opened_on)

    def refuse_foreign_rows(self, opened_on: str | None) -> None:
        """Refuse to read on from a cursor opened on another path than the one wanted now."""
        path = self.wanted()[0]
        if opened_on != path:
            raise PathNotConfirmed(
                f"This cursor was opened on the path {opened_on}, and the code is on {path} now. "
                "Read it inside the `with client(...)` that opened it."
            )

    def _exec_command(self, command: Any, result_format: pq.Format = pq.Format.TEXT) -> PQGen[Any]:
        """Send one of the driver's own commands; a path is known after few of them (before 18)."""
        raw = command.encode() if isinstance(command, str) else command
        raw = raw.as_bytes(self) if isinstance(raw, sql.Composable) else raw
        if not raw.startswith(_KEEPS):
            self._confirmed = None
        return (yield from super()._exec_command(command, result_format))

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Run one of the driver's generators; after any error nothing is known (before 18)."""
        try:
            return super().wait(*args, **kwargs)
        except BaseException:
            self._confirmed = None
            raise

    # Pipelines

    def pipeline(self) -> NoReturn:
        """Refuse: what a pipeline's statements do to the path is known only after all were sent."""
        raise psycopg.NotSupportedError("Pipeline mode is refused: a path would be confirmed too late.")

    @contextlib.contextmanager
    def _pipeline_nolock(self) -> Iterator[Any]:
        """Confirm before executemany() enters a pipeline, in which nothing can be asked and answered."""
        self.wait(self.confirm_path())
        self._cleared_for_pipeline = True
        try:
            with super()._pipeline_nolock() as pipeline:
                yield pipeline
        finally:
            self._cleared_for_pipeline = False


class _Guard(psycopg.Cursor[Any] if TYPE_CHECKING else object):  # type: ignore[misc]
    """What our cursors add: they know whose they are, and show the text to the connection first."""

    _conn: GuardedConnection
    _lease: Lease | None
    _copied: Query | None = None

    def __init__(self, connection: GuardedConnection, *args: Any, **kwargs: Any) -> None:
        self._lease = connection.current_lease
        super().__init__(connection, *args, **kwargs)

    def refuse_if_kept(self) -> None:
        """Refuse a cursor that outlived the close or give-back of its connection."""
        if self._lease is not self._conn.current_lease:
            raise PathNotConfirmed(
                "This cursor was kept past the close of its connection, which may be another client's by now."
            )

    def _start_copy_gen(self, statement: Query, *args: Any, **kwargs: Any) -> PQGen[None]:
        self._copied = statement
        yield from super()._start_copy_gen(statement, *args, **kwargs)

    def _start_query(self, query: Query | None = None) -> PQGen[None]:
        self.refuse_if_kept()
        # The driver does not pass on the text of a COPY.
        shown = self._copied if query is None else query
        self._copied = None
        self._conn.announce(_text_of(shown, self._conn))
        try:
            yield from super()._start_query(query)
        finally:
            self._conn.announce(None)  # refused before it got there, it is not the next statement's


class GuardedCursor(_Guard, DjangoCursor):
    """Django's cursor (parameters merged by the client), guarded."""


class GuardedBindingCursor(_Guard, DjangoBindingCursor):
    """Django's cursor for `server_side_binding`, guarded."""


class _ServerGuard(_Guard):
    """For named cursors: their rows are of the client for which they were opened, or they are refused."""

    _opened_on: str | None = None

    def _declare_gen(self, *args: Any, **kwargs: Any) -> PQGen[None]:
        self._opened_on = self._conn.wanted()[0]
        yield from super()._declare_gen(*args, **kwargs)

    def _fetch_gen(self, num: int | None) -> PQGen[Any]:
        yield from self._confirm_opened()
        return (yield from super()._fetch_gen(num))

    def _scroll_gen(self, value: int, mode: str) -> PQGen[None]:
        yield from self._confirm_opened()
        yield from super()._scroll_gen(value, mode)

    def _close_gen(self) -> PQGen[None]:
        """Close on the server only what is still ours: another user may have a cursor of this name."""
        if self._lease is self._conn.current_lease:
            yield from super()._close_gen()

    def _confirm_opened(self) -> PQGen[None]:
        """Rows not fetched yet may still call functions, so the path is confirmed for them as well."""
        self.refuse_if_kept()
        self._conn.refuse_foreign_rows(self._opened_on)
        yield from self._conn.confirm_path()


class GuardedServerCursor(_ServerGuard, DjangoServerSideCursor):
    """Django's named cursor, guarded."""


class GuardedBindingServerCursor(_ServerGuard, psycopg.ServerCursor[Any]):  # type: ignore[misc]
    """The driver's own named cursor, guarded."""


def _text_of(query: Query | None, connection: GuardedConnection) -> str:
    if query is None:
        return ""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode()
    if isinstance(query, sql.Composable):
        return query.as_string(connection)
    return "".join(str(part) for part in getattr(query, "strings", ()))
