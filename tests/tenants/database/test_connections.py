"""Connections: how many clients one may serve, and the driver's other cursor classes."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from tenants.clients.models import Client
from tenants.clients.services import ClientRefused, create_client
from tenants.clients.switch import client as at_client
from tenants.database.backend import base
from tenants.database.backend.guard import GuardedConnection, OwnPath
from tenants.database.errors import PathNotConfirmed
from tests import make
from tests.faults.storm import OURS, wrapper_of


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_connection_ends_after_many_clients_but_not_before_the_request_does(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "SCHEMAS_PER_CONNECTION", 2)
    made = [make.client(slug) for slug in ("harbor", "lumen", "quay")]
    connection.close()
    first = backend_pid()
    for one in made[:1]:
        with at_client(one):
            backend_pid()
    connection.close_if_unusable_or_obsolete()
    assert backend_pid() == first  # `public` and one client
    for one in made:
        with at_client(one):
            assert backend_pid() == first
    connection.close_if_unusable_or_obsolete()
    assert backend_pid() != first


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
