"""One event each and no chance: our backend holds where the stock backend reads another client's row."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, connections

from config.devstack import testing
from tenants.database.errors import PathNotConfirmed
from tests.faults.slow_setting import SlowSetting
from tests.faults.storm import OURS, STOCK, build_schemas, wrapper_of

READ = "select owner from seeded where id = 1"
REFUSED = "refused"


class Bench:
    """Connections of one backend, at the schemas `alpha` and `beta`."""

    def __init__(self, engine: str, url: str) -> None:
        self.engine = engine
        self.url = url
        self._open: list[Any] = []

    def wrapper(self, schema: str, **options: Any) -> Any:
        """Return a wrapper at a schema; `options` as for `wrapper_of`."""
        wrapper = wrapper_of(self.engine, **options)
        wrapper.set_schema(schema)
        self._open.append(wrapper)
        return wrapper

    @contextlib.contextmanager
    def relay(self) -> Iterator[SlowSetting]:
        """Have a relay to the server that can make the next setting slow."""
        address = connections["default"].settings_dict
        relay = SlowSetting(address["HOST"], int(address["PORT"]))
        try:
            yield relay
        finally:
            relay.close()

    def cancel_sleeping(self, pid: int) -> threading.Thread:
        """Cancel what a back end does as soon as it sleeps."""

        def run() -> None:
            with psycopg.connect(self.url, autocommit=True) as server:
                sleeping = (
                    "select pg_cancel_backend(pid) from pg_stat_activity"
                    " where pid = %s and wait_event = 'PgSleep'"
                )
                for _ in range(3000):
                    if server.execute(sleeping, [pid]).fetchone():
                        return

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def close(self) -> None:
        """Close all that was opened."""
        for wrapper in self._open:
            with contextlib.suppress(DatabaseError, psycopg.Error):
                wrapper.close()
            if wrapper.settings_dict["OPTIONS"].get("pool"):
                wrapper.close_pool()


Case = Callable[[Bench], str]


def read(cursor: Any) -> str:
    """Return whose row the cursor reads, or that it was refused."""
    try:
        cursor.execute(READ)
        return str(cursor.fetchone()[0])
    except (PathNotConfirmed, InterfaceError):
        return REFUSED


# Each returns what was read; the table below says what it must be.


def setting_cancelled_on_a_new_connection(bench: Bench) -> str:
    with bench.relay() as relay:
        wrapper = bench.wrapper("alpha", PORT=relay.port)
        wrapper.ensure_connection()
        relay.armed.set()
        canceller = bench.cancel_sleeping(wrapper.connection.info.backend_pid)
        try:
            with wrapper.cursor() as cursor:
                return read(cursor)
        except DatabaseError:
            return REFUSED
        finally:
            canceller.join()


def setting_cancelled_after_another_client(bench: Bench) -> str:
    with bench.relay() as relay:
        wrapper = bench.wrapper("beta", PORT=relay.port)
        with wrapper.cursor() as cursor:
            assert read(cursor) == "beta"
        wrapper.set_schema("alpha")
        relay.armed.set()
        canceller = bench.cancel_sleeping(wrapper.connection.info.backend_pid)
        try:
            with wrapper.cursor() as cursor:
                return read(cursor)
        finally:
            canceller.join()


def cursor_kept_over_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    cursor = wrapper.cursor()
    assert read(cursor) == "beta"
    wrapper.set_schema("alpha")
    return read(cursor)


def executemany_over_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    cursor = wrapper.cursor()
    cursor.execute("select 1")
    wrapper.set_schema("alpha")
    cursor.cursor.executemany("select owner from seeded where id = %s", [(1,), (2,)], returning=True)
    owners = {row[0] for _ in cursor.cursor.results() for row in cursor.fetchall()}
    (owner,) = owners
    return str(owner)


def copy_over_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    cursor = wrapper.cursor()
    cursor.execute("select 1")
    wrapper.set_schema("alpha")
    with cursor.copy(f"copy ({READ}) to stdout") as copied:
        return "".join(row[0] for row in copied.rows())


def stream_over_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    cursor = wrapper.cursor()
    cursor.execute("select 1")
    wrapper.set_schema("alpha")
    return "".join(row[0] for row in cursor.stream(READ))


def server_side_cursor_made_before_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with contextlib.closing(wrapper.chunked_cursor()) as cursor:
        wrapper.set_schema("alpha")
        return read(cursor)


def server_side_cursor_read_on_after_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with contextlib.closing(wrapper.chunked_cursor()) as cursor:
        cursor.execute("select owner from seeded")
        assert cursor.fetchone()[0] == "beta"
        wrapper.set_schema("alpha")
        try:
            return str(cursor.fetchone()[0])
        except PathNotConfirmed:
            return REFUSED


def cursor_declared_by_text_read_on_after_a_switch(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute(f"declare kept cursor with hold for {READ}")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        try:
            cursor.execute("fetch all from kept")
            return str(cursor.fetchone()[0])
        except PathNotConfirmed:
            return REFUSED


def rollback_sent_as_text(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        cursor.execute("rollback")
        return read(cursor)


def rollback_and_read_in_one_text(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        try:
            cursor.execute(f"rollback; {READ}")
        except PathNotConfirmed:
            return REFUSED
        cursor.nextset()
        return str(cursor.fetchone()[0])


def rollback_and_read_in_one_text_after_an_error(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        with contextlib.suppress(DatabaseError):
            cursor.execute("select 1 / 0")
        try:
            cursor.execute(f"/* ; */ rollback ; {READ}")
        except PathNotConfirmed:
            return REFUSED
        cursor.nextset()
        return str(cursor.fetchone()[0])


def rollback_to_a_savepoint_by_text(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("savepoint before")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        cursor.execute("rollback to savepoint before")
        return read(cursor)


def own_set_search_path(bench: Bench) -> str:
    wrapper = bench.wrapper("alpha")
    with wrapper.cursor() as cursor:
        cursor.execute("set search_path = beta")
        return read(cursor)


def path_set_by_a_function(bench: Bench) -> str:
    wrapper = bench.wrapper("alpha")
    with wrapper.cursor() as cursor:
        cursor.execute("do $$ begin perform set_config('search_path', 'beta', false); end $$")
        return read(cursor)


def left_over_temporary_table(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("create temporary table seeded as select 1 as id, 'beta''s temporary' as owner")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        return read(cursor)


def commit_of_a_failed_transaction(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1")
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        with contextlib.suppress(DatabaseError):
            cursor.execute("select 1 / 0")
        cursor.execute("commit")
        return read(cursor)


def driver_commit_of_a_failed_transaction(bench: Bench) -> str:
    wrapper = bench.wrapper("beta")
    with wrapper.cursor() as cursor:
        cursor.execute("select 1")
    wrapper.set_autocommit(False)
    wrapper.set_schema("alpha")
    with wrapper.cursor() as cursor:
        assert read(cursor) == "alpha"
        with contextlib.suppress(DatabaseError):
            cursor.execute("select 1 / 0")
        wrapper.commit()
        return read(cursor)


def cursor_kept_past_the_give_back_to_a_pool(bench: Bench) -> str:
    first = bench.wrapper("alpha", pool=1)
    kept = first.cursor()
    assert read(kept) == "alpha"
    driver = first.connection
    first.close()
    second = bench.wrapper("beta", pool=1)
    with second.cursor() as cursor:
        assert second.connection is driver, "the pool handed out another connection than the one given back"
        assert read(cursor) == "beta"
    return read(kept)


def connection_from_a_pool_with_the_path_of_another(bench: Bench) -> str:
    first = bench.wrapper("beta", pool=1)
    with first.cursor() as cursor:
        assert read(cursor) == "beta"
    first.close()
    second = bench.wrapper("alpha", pool=1)
    second.ensure_connection()
    return read(second.connection.cursor())


def connection_taken_from_the_pool_by_hand(bench: Bench) -> str:
    first = bench.wrapper("beta", pool=1)
    with first.cursor() as cursor:
        assert read(cursor) == "beta"
    pool = first.pool
    first.close()
    connection = pool.getconn()
    try:
        return str(connection.execute(READ).fetchone()[0])
    except psycopg.errors.UndefinedTable:
        return REFUSED
    finally:
        pool.putconn(connection)


def new_connection(bench: Bench) -> str:
    wrapper = bench.wrapper("alpha")
    wrapper.ensure_connection()
    return read(wrapper.connection.cursor())


def foreign_cursor_class_on_the_driver_connection(bench: Bench) -> str:
    wrapper = bench.wrapper("alpha")
    wrapper.ensure_connection()
    return read(psycopg.RawCursor(wrapper.connection))


def driver_connection_executes(bench: Bench) -> str:
    wrapper = bench.wrapper("alpha")
    wrapper.ensure_connection()
    return str(wrapper.connection.execute(READ).fetchone()[0])


def schema_that_is_gone(bench: Bench) -> str:
    wrapper = bench.wrapper("nobody")
    with wrapper.cursor() as cursor:
        return read(cursor)


CASES: list[tuple[Case, str]] = [
    (setting_cancelled_on_a_new_connection, REFUSED),
    (setting_cancelled_after_another_client, REFUSED),
    (cursor_kept_over_a_switch, "alpha"),
    (executemany_over_a_switch, "alpha"),
    (copy_over_a_switch, "alpha"),
    (stream_over_a_switch, "alpha"),
    (server_side_cursor_made_before_a_switch, "alpha"),
    (server_side_cursor_read_on_after_a_switch, REFUSED),
    (cursor_declared_by_text_read_on_after_a_switch, REFUSED),
    (rollback_sent_as_text, "alpha"),
    (rollback_and_read_in_one_text, REFUSED),
    (rollback_and_read_in_one_text_after_an_error, REFUSED),
    (rollback_to_a_savepoint_by_text, "alpha"),
    (own_set_search_path, "alpha"),
    (path_set_by_a_function, "alpha"),
    (left_over_temporary_table, "alpha"),
    (commit_of_a_failed_transaction, "alpha"),
    (driver_commit_of_a_failed_transaction, "alpha"),
    (cursor_kept_past_the_give_back_to_a_pool, REFUSED),
    (connection_from_a_pool_with_the_path_of_another, "alpha"),
    (connection_taken_from_the_pool_by_hand, REFUSED),
    (new_connection, "alpha"),
    (foreign_cursor_class_on_the_driver_connection, "alpha"),
    (driver_connection_executes, "alpha"),
    (schema_that_is_gone, REFUSED),
]


@pytest.fixture(scope="module")
def url(module_database: str, django_db_blocker) -> Iterator[str]:
    address = testing.database_url(module_database)
    build_schemas(address)
    with django_db_blocker.unblock():
        yield address


def outcome(case: Case, engine: str, url: str) -> str:
    bench = Bench(engine, url)
    try:
        return case(bench)
    finally:
        bench.close()


@pytest.mark.parametrize(("case", "wanted"), CASES, ids=[case.__name__ for case, _ in CASES])
def test_our_backend_holds_where_the_stock_backend_reads_a_foreign_row(
    case: Case, wanted: str, url: str
) -> None:
    assert outcome(case, OURS, url) == wanted
    assert outcome(case, STOCK, url) not in ("alpha", REFUSED), (
        "the stock backend holds here: the case shows nothing"
    )
