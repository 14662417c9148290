"""Connections: how many clients one may serve, and the driver's other cursor classes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.db import close_old_connections, connection, connections, transaction

from tenants.clients.models import Client
from tenants.clients.services import ClientRefused, create_client
from tenants.clients.switch import client as at_client
from tenants.database.backend.guard import GuardedConnection, OwnPath
from tenants.database.errors import PathNotConfirmed
from tenants.database.provision import provision
from tenants.tasks.envelope import each_client
from tests import make
from tests.faults.storm import OURS, wrapper_of


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        return int(cursor.fetchone()[0])


def memory() -> int:
    """Bytes that the server's process of this connection holds, shared buffers left out."""
    with connection.cursor() as cursor:
        cursor.execute("select sum(total_bytes) from pg_backend_memory_contexts")
        return int(cursor.fetchone()[0])


def read_everything() -> None:
    """Read from every table of the client that the connection is at."""
    for label in settings.TENANT_APPS:
        for model in apps.get_app_config(label).get_models():
            model._default_manager.first()


@pytest.fixture
def clients(own_database: str, settings) -> list[Client]:
    settings.PROOFLINE_CLIENTS_PER_CONNECTION = 3
    made = [make.client(f"c{number:02}") for number in range(10)]
    connection.close()
    return made


def visit(clients: Iterable[Client]) -> int:
    """Ask something at each client; returns the process that answered last."""
    pid = 0
    for one in clients:
        with at_client(one):
            pid = backend_pid()
    return pid


def test_a_connection_ends_after_many_clients_but_not_before_the_request_does(clients: list[Client]) -> None:
    first = backend_pid()
    visit(clients[:2])
    visit(clients[:2])
    connection.close_if_unusable_or_obsolete()
    assert backend_pid() == first  # `public` and two clients, twice each
    assert visit(clients) == first
    connection.close_if_unusable_or_obsolete()
    assert backend_pid() != first


def test_each_thread_of_the_portal_ends_its_own(clients: list[Client]) -> None:
    """Django asks at the begin and end of every request, in the thread that answers it."""
    before = backend_pid()
    pids: list[int] = []

    def serve() -> None:
        try:
            for one in clients:
                with at_client(one):
                    pids.append(backend_pid())
                close_old_connections()
        finally:
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3, 1]
    assert backend_pid() == before


def test_a_loop_over_all_clients_ends_it_between_two_of_them(clients: list[Client]) -> None:
    pids = [visit([one]) for one in each_client()]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3, 1]


def test_clients_that_are_made_count_as_well(clients: list[Client]) -> None:
    first = backend_pid()
    for slug in ("harbor", "lumen", "quay"):
        provision(Client(slug=slug, schema_name=slug, name=slug))
    assert connection.close_if_crowded()
    assert backend_pid() != first


def begin_by_text() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("begin")
        yield
        cursor.execute("rollback")


def in_atomic_block() -> Iterator[None]:
    with transaction.atomic():
        yield


def without_autocommit() -> Iterator[None]:
    connection.set_autocommit(False)
    yield
    connection.rollback()
    connection.set_autocommit(True)


def in_the_middle_of_an_iterator() -> Iterator[None]:
    read = Client.objects.order_by("slug").iterator(chunk_size=2)
    assert next(read).slug == "c00"
    yield
    assert [one.slug for one in read] == [f"c{number:02}" for number in range(1, 10)]


def with_a_cursor_declared_by_text() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("declare kept cursor with hold for select 7")
        yield
        cursor.execute("fetch kept")
        assert cursor.fetchone() == (7,)
        cursor.execute("close kept")


def holding_an_advisory_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1, 1)")
        yield
        cursor.execute("select pg_advisory_unlock(1, 1)")
        assert cursor.fetchone() == (True,)


def with_a_temporary_table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("create temporary table kept (n integer)")
        yield
        cursor.execute("drop table kept")


@pytest.mark.parametrize(
    "state",
    [
        begin_by_text,
        in_atomic_block,
        without_autocommit,
        in_the_middle_of_an_iterator,
        with_a_cursor_declared_by_text,
        holding_an_advisory_lock,
        with_a_temporary_table,
    ],
)
def test_nothing_is_closed_in_the_middle_of(
    state: Callable[[], Iterator[None]], clients: list[Client]
) -> None:
    first = visit(clients)
    underway = contextlib.contextmanager(state)
    with underway():
        assert not connection.close_if_crowded()
        assert backend_pid() == first
    assert connection.close_if_crowded(), "and afterwards it is"


def test_a_crowded_connection_goes_back_to_no_pool(clients: list[Client]) -> None:
    wrapper = wrapper_of(OURS, pool=1)
    try:
        pids = []
        for one in clients[:6]:
            wrapper.set_schema(one.schema_name)
            with wrapper.cursor() as cursor:
                cursor.execute("select pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            if not wrapper.close_if_crowded():
                wrapper.close()  # back to the pool, as at a request's end
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3]
    finally:
        wrapper.close()
        wrapper.close_pool()


def test_the_memory_of_a_connection_is_bounded(clients: list[Client], settings) -> None:
    """The largest sum ever seen, with and without: no test of time, but of what the server says it holds."""

    def largest() -> int:
        connection.close()
        seen = []
        for one in each_client():
            with at_client(one):
                read_everything()
                seen.append(memory())
        return max(seen) - base

    base = memory()
    bounded = largest()
    settings.PROOFLINE_CLIENTS_PER_CONNECTION = 100
    assert bounded < largest() / 2


@pytest.mark.parametrize("pool", [0, 1], ids=["alone", "pool"])
def test_parameters_bound_by_the_server_are_guarded_as_well(own_database: str, pool: int) -> None:
    make.client("harbor")
    make.client("lumen")
    options = {**connections["default"].settings_dict["OPTIONS"], "server_side_binding": True}
    wrapper = wrapper_of(OURS, pool=pool)
    wrapper.settings_dict["OPTIONS"] |= options
    try:
        wrapper.set_schema("harbor")
        with wrapper.cursor() as cursor, wrapper.chunked_cursor() as named:
            cursor.execute("select current_schema(), %s::int", [1])
            assert cursor.fetchone() == ("harbor", 1)
            wrapper.set_schema("lumen")
            named.execute("select current_schema(), n from generate_series(1, %s::int) n", [3])
            assert named.fetchone() == ("lumen", 1)
            wrapper.set_schema("harbor")
            with pytest.raises(PathNotConfirmed):
                named.fetchone()
    finally:
        wrapper.close()
        wrapper.close_pool() if pool else None


def test_a_pipeline_is_refused(own_database: str) -> None:
    connection.ensure_connection()
    assert isinstance(connection.connection, GuardedConnection)
    with pytest.raises(Exception, match="Pipeline mode is refused"):
        connection.connection.pipeline()


def test_a_text_with_a_path_of_its_own_begins_with_it() -> None:
    with pytest.raises(ValueError, match="begins with"):
        OwnPath("select 1")


def test_a_text_that_names_its_own_path_leaves_the_next_statement_on_ours(own_database: str) -> None:
    make.client("harbor")
    make.client("lumen")
    with at_client("harbor"), connection.cursor() as cursor:
        cursor.execute(OwnPath('set local search_path = "lumen"; select current_schema()'))
        cursor.nextset()
        assert cursor.fetchone() == ("lumen",)
        cursor.execute("select current_schema()")
        assert cursor.fetchone() == ("harbor",)


def test_of_two_who_make_the_same_client_one_is_told_so(own_database: str) -> None:
    start = threading.Barrier(2)
    said: list[str] = []

    def make_it() -> None:
        try:
            start.wait()
            said.append(create_client("harbor", name="Harbor").slug)
        except ClientRefused as refused:
            said.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=make_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [
        'There is a client "harbor" already. `manage.py client list` names them all.',
        "harbor",
    ]
    assert Client.objects.count() == 1


def test_no_table_lies_both_in_public_and_in_a_client_but_the_record_of_migrations(own_database: str) -> None:
    make.client("harbor")
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname from pg_class c join pg_class p using (relname)"
            " where c.relnamespace = 'harbor'::regnamespace and p.relnamespace = 'public'::regnamespace"
            " and c.relkind in ('r', 'p', 'v', 'm', 'f')"
        )
        assert cursor.fetchall() == [("django_migrations",)]
