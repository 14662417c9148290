"""Confirming costs nothing while the client stays the same, and one round trip when it changes."""

import pytest
from django.db import connection, transaction

from tenants.clients.models import Client
from tenants.clients.switch import client, public
from tests import make
from tests.tenants.database.round_trips import round_trips


@pytest.fixture
def two(own_database: str) -> tuple[Client, Client]:
    return make.client("harbor"), make.client("lumen")


def ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def test_a_statement_is_one_round_trip_while_the_client_stays(two: tuple[Client, Client]) -> None:
    with client(two[0]):
        ask()
        with round_trips() as trips:
            for _ in range(5):
                ask()
    assert trips.count == 5


def test_entering_and_leaving_send_nothing(two: tuple[Client, Client]) -> None:
    ask()
    with round_trips() as trips, client(two[0]), client(two[1]), public(), client(two[0]):
        pass
    assert trips.count == 0


def test_a_switch_costs_one_round_trip_with_the_next_statement(two: tuple[Client, Client]) -> None:
    ask()
    with round_trips() as trips, client(two[0]):
        ask()
    assert trips.count == 2


@pytest.mark.skipif(
    "__import__('os').environ.get('PROOFLINE_TEST_DATABASE_URL')", reason="PostgreSQL 18 reports"
)
def test_on_18_a_transaction_costs_no_more_than_its_statements(two: tuple[Client, Client]) -> None:
    with client(two[0]):
        ask()
        with round_trips() as trips:
            with transaction.atomic():
                ask()
            ask()
    assert trips.count == 4  # begin, two statements, commit
