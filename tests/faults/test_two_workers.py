"""Workers that meet at one client: each batch once, each event once, nobody waits for ever (T12, T13)."""

import datetime
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from controls.exceptions.models import ControlException
from evidence.batches import recording
from evidence.batches.models import Batch
from evidence.batches.recording import record, record_sealed
from evidence.batches.sealing import seal
from evidence.events import rows
from evidence.events.models import Event
from evidence.intake.services import receive_body
from evidence.ledger.models import LedgerEntry
from tenants.clients.models import Client
from tenants.clients.switch import client
from tests import make
from tests.faults import line

NOON = make.NOON


def together(at: Client, *works: Callable[[], object], timeout: float = 60) -> list[object]:
    """Run several works at once, each on a connection of its own at the client; return what they gave or raised."""
    given: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(place: int, work: Callable[[], object]) -> None:
        try:
            with client(at):
                start.wait()
                given[place] = work()
        except Exception as error:
            given[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), "a worker waits for ever"
    return given


def sealed(records: list[dict]) -> Batch:
    receive_body(make.source(), make.lines(records), at=line.LATER)
    (batch,) = seal(make.source(), at=line.LATER, everything=True)
    return batch


def test_two_workers_take_one_batch_and_one_records_it(own_database):
    with client(make.client()) as harbor:
        batch = sealed([make.record(n=n) for n in range(50)])
        given = together(harbor, *[lambda: record(batch.pk, at=line.LATER)] * 3)
        assert sorted(each is None for each in given) == [False, True, True]
        assert Event.objects.count() == 50
        assert LedgerEntry.objects.filter(kind="records").count() == 1


def test_overlapping_batches_recorded_at_once_share_no_event_and_do_not_deadlock(own_database):
    everything = [make.sign_in("root", at=NOON + datetime.timedelta(minutes=n), n=n) for n in range(120)]
    with client(make.client()) as harbor:
        batches = [sealed(everything[:80]), sealed(everything[40:][::-1]), sealed(everything[::-1][:100])]
        given = together(harbor, *[lambda b=b: record(b.pk, at=line.LATER) for b in batches])
        assert not [each for each in given if isinstance(each, Exception)]
        assert Event.objects.count() == 120
        assert sum(b.events for b in Batch.objects.all()) == 120
        assert sum(b.duplicates for b in Batch.objects.all()) == 140
        raced = line.outcome()
    with client(make.client("calm")):
        make.take_in(make.lines(everything), at=line.LATER)
        assert line.outcome() == raced


def test_batches_of_several_chunks_do_not_deadlock_either(own_database, monkeypatch):
    monkeypatch.setattr(recording, "CHUNK", 10)
    everything = [make.sign_in("root", at=NOON + datetime.timedelta(hours=n), n=n) for n in range(35)]
    with client(make.client()) as harbor:
        batches = [sealed(everything), sealed(everything[::-1]), sealed(everything[3:7])]
        given = together(harbor, *[lambda b=b: record(b.pk, at=line.LATER) for b in batches])
        assert not [each for each in given if isinstance(each, Exception)]
        assert Event.objects.count() == 35
        assert Batch.objects.filter(state="recorded", attempts=0).count() == 3


def test_after_a_race_what_another_stored_is_a_duplicate_or_a_conflict(own_database, monkeypatch):
    """The question which keys are known is answered before the other worker commits."""
    first = make.record()
    other = {**first, "awsRegion": "eu-west-1"}
    with client(make.client()):
        make.take_in(make.lines([first, make.record(n=1)]))
        asked = []
        real = rows.known

        def blind(events):
            asked.append(len(events))
            return {} if len(asked) == 1 else real(events)

        monkeypatch.setattr(rows, "known", blind)
        found = make.take_in(make.lines([other, make.record(n=1), make.record(n=2)]))
        assert (found.events, found.duplicates, found.rejected) == (1, 1, 1)
        assert Event.objects.count() == 3


@pytest.mark.slow
def test_records_cut_otherwise_by_two_workers_at_once_come_to_the_same(own_database):
    files = line.story()
    with client(make.client("calm")):
        line.take_in(files)
        expected = line.outcome()
    with client(make.client()) as harbor:
        singly = [
            one + b"\n" for name, content in files if name == "b.ndjson" for one in content.splitlines()
        ]
        pieces = [(f"{n}.ndjson", one) for n, one in enumerate(singly)]
        others = [each for each in files if each[0] != "b.ndjson"]
        line.receive(pieces[::-1] + others[::-1])
        given = together(harbor, line.work, line.work)
        assert given == [None, None]
        assert line.outcome() == expected
        together(harbor, lambda: line.take_in(files), lambda: line.take_in(files[::-1]))
        again = line.outcome()
        assert {**again, "rejected": []} == {**expected, "rejected": []}


def test_numbers_are_given_once_though_workers_open_exceptions_at_once(own_database):
    days = [
        [make.sign_in("root", at=NOON + datetime.timedelta(days=d), n=d * 10 + w) for d in range(-w, -40, -4)]
        for w in range(4)
    ]
    with client(make.client()) as harbor:
        batches = [sealed(records) for records in days]
        together(harbor, *[lambda b=b: record(b.pk, at=line.LATER) for b in batches])
        numbers = sorted(e.number for e in ControlException.objects.all())
        assert numbers == [f"EX-2026-{n:04d}" for n in range(1, len(numbers) + 1)]
        assert len(numbers) == sum(map(len, days))


def test_an_act_while_a_batch_is_recorded_does_not_deadlock(own_database):
    from controls.exceptions.services import act

    with client(make.client()) as harbor:
        make.take_in(make.lines([make.sign_in("root")]))
        exception = ControlException.objects.get()
        batches = [
            sealed([make.sign_in("root", at=NOON + datetime.timedelta(minutes=n), n=n)]) for n in range(1, 9)
        ]

        def triage() -> object:
            given = {"severity": "critical", "cause": "process", "harm": "none seen"}
            version = ControlException.objects.get().version
            return act(exception, "triage", by=make.uuid.uuid4(), at=line.LATER, given=given, version=version)

        given = together(harbor, lambda: record_sealed(at=line.LATER), triage)
        assert given[0] == len(batches)
        assert ControlException.objects.get().members.count() == 9
