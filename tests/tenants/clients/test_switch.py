"""`with client(...)` is the only way in; leaving restores what was before, and no thread is at a client by itself."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from evidence.intake.models import Source
from tenants.clients.models import Client
from tenants.clients.switch import NoClient, client, current_client, public
from tenants.database.errors import PathNotConfirmed
from tests import make


@pytest.fixture
def harbor(db: None) -> Client:
    return make.client("harbor")


@pytest.fixture
def lumen(db: None) -> Client:
    return make.client("lumen")


def here() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select current_schema()")
        return str(cursor.fetchone()[0])


def test_a_client_is_entered_by_object_slug_or_uuid(harbor: Client) -> None:
    for name in (harbor, "harbor", harbor.pk, str(harbor.pk)):
        with client(name) as entered:
            assert entered.pk == harbor.pk
            assert current_client() is entered
            assert here() == "harbor"
    assert here() == "public"


@pytest.mark.parametrize("name", ["ghost", str(uuid.UUID(int=7)), uuid.UUID(int=7)])
def test_a_client_that_does_not_exist_is_named(db: None, name: object) -> None:
    with pytest.raises(NoClient, match=f'There is no client "{name}"'), client(name):
        pass


def test_blocks_nest_and_each_restores_what_was_before(harbor: Client, lumen: Client) -> None:
    with client(harbor):
        with client(lumen):
            assert here() == "lumen"
            with public():
                assert here() == "public"
                with pytest.raises(NoClient, match="with client"):
                    current_client()
            assert here() == "lumen"
        assert here() == "harbor"
        assert current_client() == harbor
    with pytest.raises(NoClient):
        current_client()


def test_an_error_restores_what_was_before(harbor: Client, lumen: Client) -> None:
    with client(harbor):
        with pytest.raises(ZeroDivisionError), client(lumen):
            raise ZeroDivisionError
        assert here() == "harbor"


def test_a_switch_within_a_transaction_survives_its_undoing(harbor: Client, lumen: Client) -> None:
    with client(harbor):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            enter_and_fail(lumen)
        assert here() == "harbor"


def enter_and_fail(elsewhere: Client) -> None:
    with client(elsewhere):
        assert here() == "lumen"
    raise ZeroDivisionError


def test_outside_of_a_client_its_tables_do_not_exist(harbor: Client) -> None:
    with pytest.raises(ProgrammingError, match="does not exist"), transaction.atomic():
        Source.objects.count()
    with client(harbor):
        assert Source.objects.count() == 0


def test_another_thread_is_not_at_the_client(own_database: str) -> None:
    harbor = make.client("harbor")
    seen: list[str] = []

    def look() -> None:
        try:
            seen.append(here())
        finally:
            connection.close()

    with client(harbor):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert here() == "harbor"
    assert seen == ["public"]


def test_rows_read_in_chunks_are_refused_at_another_client(harbor: Client, lumen: Client) -> None:
    with client(harbor):
        Source.objects.bulk_create(_sources(5))
        rows = Source.objects.order_by("pk").iterator(chunk_size=2)
        next(rows), next(rows)
        with client(lumen), pytest.raises(PathNotConfirmed, match="Read it inside the"):
            next(rows)


def test_rows_read_in_chunks_go_on_after_a_visit_elsewhere(harbor: Client, lumen: Client) -> None:
    with client(harbor):
        Source.objects.bulk_create(_sources(5))
        for _ in Source.objects.order_by("pk").iterator(chunk_size=2):
            with client(lumen):
                assert Source.objects.count() == 0
        assert Source.objects.count() == 5


def _sources(count: int) -> list[Source]:
    return [Source(slug=f"s{number}", connected_at=timezone.now()) for number in range(count)]
