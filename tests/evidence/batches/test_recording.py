"""One transaction makes a batch into events, counts and a leaf; whatever fails is kept with its reason."""

import datetime
import io
import json

import pytest
from django.db import connection

from evidence.batches import recording
from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.raw import decode, prove, raw_of_event, raw_record
from evidence.batches.recording import record, record_sealed
from evidence.batches.sealing import seal
from evidence.batches.tasks import intake
from evidence.coverage.models import SourceDay
from evidence.events.models import Event
from evidence.intake.models import Receipt
from evidence.intake.services import receive_body, receive_file
from evidence.ledger.leaf import parse_leaf
from evidence.ledger.models import LedgerEntry
from evidence.ledger.tree import Tree, leaf_hash
from tests import make

NOON = make.NOON
DAY = datetime.timedelta(days=1)


def sealed(records, at=NOON) -> Batch:
    receive_body(make.source(), make.lines(records), at=at)
    (batch,) = seal(make.source(), at=at, everything=True)
    return batch


def test_the_records_leaf_counts_and_proves_every_raw_record(harbor):
    records = [make.record(n=n) for n in range(5)]
    raw = [*make.lines(records).splitlines()[:3], b"17", *make.lines(records).splitlines()[3:]]
    make.take_in(b"\n".join(raw))
    batch = Batch.objects.get()
    leaf = parse_leaf(bytes(LedgerEntry.objects.get(kind="records").leaf))
    assert leaf.meta == {
        "adapter": "aws",
        "batch": batch.sha256,
        "events": 5,
        "records": 6,
        "rejected": 1,
        "version": batch.adapter_version,
    }
    tree = Tree([leaf_hash(one) for one in raw])
    assert leaf.sha256 == tree.root().hex()
    proven = prove(batch, [3, 5])
    assert (proven[3].raw, proven[5].raw) == (raw[3], raw[5])
    assert raw_record(batch, 4) == raw[4]
    with pytest.raises(LookupError):
        raw_record(batch, 6)


def test_an_event_leads_back_to_its_bytes(harbor):
    make.take_in(make.log_file([make.record(n=n) for n in range(3)]))
    for row in Event.objects.all():
        raw = raw_of_event(row.time, bytes(row.uid))
        assert json.loads(raw)["eventID"].replace("-", "") == bytes(row.uid).hex()
        (event,) = decode(Batch.objects.get(), [row.seq]).values()
        assert (event.time, event.uid, event.digest) == (row.time, bytes(row.uid), bytes(row.digest))
    assert raw_of_event(NOON, b"x" * 16) is None


def test_another_spelling_of_a_record_is_a_duplicate(harbor):
    records = [make.record(n=n) for n in range(30)]
    make.take_in(make.lines(records))
    spelled = json.dumps({"Records": [dict(reversed(r.items())) for r in records]}, indent=2).encode()
    found = make.take_in(spelled)
    assert (found.events, found.duplicates, found.rejected) == (0, 30, 0)


def test_another_spelling_is_told_from_one_reading_of_each_batch(harbor, monkeypatch):
    records = [make.record(n=n) for n in range(40)]
    make.take_in(make.lines(records))
    read = []
    real = recording.opened

    def counted(name):
        read.append(name)
        return real(name)

    monkeypatch.setattr("evidence.batches.raw.opened", counted)
    make.take_in(json.dumps({"Records": records}, indent=1).encode())
    assert len(read) == 1


def test_other_content_under_the_same_id_and_time_is_a_conflict_listed_beside_the_rejects(harbor):
    first = make.record()
    make.take_in(make.lines([first]))
    other = {**first, "sourceIPAddress": "203.0.113.7"}
    found = make.take_in(make.lines([other, make.record(n=5)]))
    assert (found.records, found.events, found.duplicates, found.rejected) == (2, 1, 0, 1)
    reject = RejectedRecord.objects.get()
    assert reject.code == "conflict"
    assert b"203.0.113.7" in raw_record(reject.batch, reject.seq)
    assert str(Event.objects.get(time=NOON, uid=bytes.fromhex(first["eventID"].replace("-", ""))).src_ip) == (
        "198.51.100.24"
    )


def test_a_conflict_within_one_batch_is_told_as_well(harbor):
    first = make.record()
    found = make.take_in(make.lines([first, {**first, "awsRegion": "eu-west-1"}, first]))
    assert (found.events, found.duplicates, found.rejected) == (1, 1, 1)


def test_counts_are_kept_per_day_of_the_event(harbor):
    make.take_in(make.lines([make.record(n=n, at=NOON - n * DAY) for n in range(4)]), at=NOON + DAY / 24)
    days = {d.local_date.day: (d.events, d.late) for d in SourceDay.objects.filter(local_date__month=3)}
    assert days == {2: (1, 0), 1: (1, 0)}
    assert sum(d.late for d in SourceDay.objects.all()) == 2


def test_partitions_are_made_for_every_month_of_a_batch(harbor):
    make.take_in(make.lines([make.record(n=n, at=NOON - n * 40 * DAY) for n in range(10)]))
    assert Event.objects.count() == 10
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_inherits where inhparent = 'evidence_event'::regclass")
        assert cursor.fetchone()[0] == len({f"{e.time:%Y-%m}" for e in Event.objects.all()})


def test_a_batch_that_fails_three_times_is_refused_with_its_reason_and_blocks_nothing(harbor, monkeypatch):
    bad, good = sealed([make.record(n=1)]), sealed([make.record(n=2)])
    real = recording._Recording.run

    def run(self):
        if self.batch.pk == bad.pk:
            raise ValueError("the adapter stumbled")
        real(self)

    monkeypatch.setattr(recording._Recording, "run", run)
    assert record_sealed(at=NOON) == 1
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state, bad.attempts) == ("recorded", "sealed", 1)
    assert "the adapter stumbled" in bad.reason
    for _ in range(3):
        record_sealed(at=NOON)
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == ("refused", 3)
    assert Event.objects.count() == 1


def test_what_the_surroundings_broke_is_no_fault_of_the_batch(harbor, monkeypatch):
    batch = sealed([make.record()])

    def run(self):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(recording._Recording, "run", run)
        for _ in range(5):
            assert record_sealed(at=NOON) == 0
    batch.refresh_from_db()
    assert (batch.state, batch.attempts) == ("sealed", 0)
    assert "No space left" in batch.reason
    assert record_sealed(at=NOON) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.reason) == ("recorded", "")


def test_a_recorded_batch_is_not_recorded_again(harbor):
    batch = sealed([make.record()])
    assert record(batch.pk, at=NOON)
    assert record(batch.pk, at=NOON) is None
    assert record_sealed(at=NOON) == 0


def test_without_a_broker_the_hint_fails_quietly_and_the_sweep_records_all(harbor, monkeypatch):
    from kombu.exceptions import OperationalError

    from evidence.intake.hint import hint_intake

    def absent(*_: object, **__: object) -> None:
        raise OperationalError("[Errno 111] Connection refused")

    monkeypatch.setattr("celery.app.task.Task.apply_async", absent)
    early = datetime.datetime.now(datetime.UTC) - DAY
    receive_body(make.source(), make.lines([make.record(n=1)]), at=early)
    receive_file(
        make.source(), io.BytesIO(make.log_file([make.record(n=2)])), name="f", way="upload", at=early
    )
    hint_intake(harbor)
    intake.run() if not hasattr(intake, "__wrapped__") else intake.__wrapped__()
    assert Event.objects.count() == 2
    assert not Receipt.objects.exists()
