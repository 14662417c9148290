"""The tests' own databases."""

import threading

import psycopg
import pytest
from django.db import connection

from config.devstack import testing


def _tables_here() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
def test_the_database_of_a_worker_is_migrated() -> None:
    assert {"django_migrations", "tenants_client", "tenants_user"} <= _tables_here()


def test_what_a_test_commits_in_its_own_database_is_seen_by_other_connections(own_database: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create table seen_by_others (n int)")
    with psycopg.connect(testing.database_url(own_database)) as other:
        assert other.execute("select count(*) from seen_by_others").fetchone() == (0,)


def test_a_database_of_its_own_begins_as_the_template(own_database: str) -> None:
    assert "seen_by_others" not in _tables_here()
    assert "tenants_client" in _tables_here()


def test_other_threads_are_on_the_same_database(own_database: str) -> None:
    names: list[str] = []

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select current_database()")
            names.append(cursor.fetchone()[0])
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert names == [own_database]
