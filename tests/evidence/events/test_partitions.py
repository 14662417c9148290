"""Monthly partitions appear when they are needed, by whomever, and events go where they belong."""

import datetime
import threading

import pytest
from django.db import connection, transaction

from evidence.events.partitions import ensure, month_of
from tenants.clients.switch import client
from tests import make

UTC = datetime.UTC


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'evidence_event'::regclass"
        )
        return {name.rpartition(".")[2].strip('"') for (name,) in cursor.fetchall()}


@pytest.mark.parametrize(
    ("time", "month"),
    [
        (datetime.datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), 202611),
        (
            datetime.datetime(2026, 12, 1, 0, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            202611,
        ),
        (datetime.datetime(2011, 1, 1, tzinfo=UTC), 201101),
    ],
)
def test_a_month_is_one_of_utc(time, month):
    assert month_of(time) == month


def test_december_ends_with_the_year(harbor):
    ensure([202512])
    last = datetime.datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    make.take_in(make.lines([make.record(at=last), make.record(at=last + datetime.timedelta(seconds=1))]))
    assert partitions() == {"evidence_event_2025_12", "evidence_event_2026_01"}


def test_a_month_whose_transaction_was_rolled_back_is_made_again(own_database):
    with client(make.client()):
        with transaction.atomic():
            ensure([202603])
            transaction.set_rollback(True)
        assert partitions() == set()
        ensure([202603])
        assert partitions() == {"evidence_event_2026_03"}


def test_two_that_need_one_month_at_once_make_it_once(own_database):
    with client(make.client()) as harbor:
        failed = []

        def work() -> None:
            try:
                with client(harbor):
                    ensure(range(202601, 202607))
            except Exception as error:
                failed.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failed == []
        assert len(partitions()) == 6
