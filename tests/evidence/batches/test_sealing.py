"""Receipts become batches: joined as lines, alone as documents, once per content, leaf and row together."""

import datetime
import hashlib
import io

import pytest

from evidence.batches.models import Batch
from evidence.batches.objects import opened
from evidence.batches.sealing import seal, seal_delivery
from evidence.intake.models import DeliveredBatch, Receipt
from evidence.intake.services import receive_body, receive_file
from evidence.ledger.leaf import parse_leaf
from evidence.ledger.models import LedgerEntry
from tests import make

SECOND = datetime.timedelta(seconds=1)
NOON = make.NOON


def push(n: int, at=NOON, end=b"\n") -> Receipt:
    return receive_body(make.source(), make.lines([make.record(n=n)] * 2).rstrip(b"\n") + end, at=at)


def content(batch: Batch) -> bytes:
    with opened(batch.object_name) as stream:
        return stream.read()


def test_small_bodies_wait_for_more_and_then_share_a_batch(harbor):
    for n in range(5):
        push(n)
    assert seal(make.source(), at=NOON + SECOND) == []
    (batch,) = seal(make.source(), at=NOON + 3 * SECOND)
    assert content(batch).count(b"\n") == 10
    assert not Receipt.objects.exists()


def test_lines_without_a_last_line_feed_are_kept_apart(harbor):
    push(1, end=b"")
    push(2, end=b"")
    (batch,) = seal(make.source(), at=NOON, everything=True)
    assert len(content(batch).splitlines()) == 4


def test_a_batch_is_no_larger_than_the_limit_and_nothing_is_lost(harbor, settings):
    bodies = [bytes(push(n).body) for n in range(8)]
    settings.PROOFLINE_SEAL_BYTES = len(bodies[0]) * 3
    batches = seal(make.source(), at=NOON, everything=True)
    assert [content(b).count(b"\n") for b in batches] == [6, 6, 4]
    assert b"".join(map(content, batches)) == b"".join(bodies)


def test_a_document_is_a_batch_by_itself(harbor):
    push(1)
    receive_body(make.source(), make.log_file([make.record(n=7)]), at=NOON)
    push(2)
    assert len(seal(make.source(), at=NOON, everything=True)) == 3


def test_the_batch_is_named_by_its_bytes_and_so_is_its_leaf(harbor):
    receipt = push(1)
    body, packed = bytes(receipt.body), make.log_file([make.record()])
    receive_body(make.source(), packed, at=NOON)
    lines, document = seal(make.source(), at=NOON, everything=True)
    assert lines.sha256 == hashlib.sha256(body).hexdigest()
    assert document.packed_sha256 == hashlib.sha256(packed).hexdigest()
    leaves = [parse_leaf(bytes(e.leaf)) for e in LedgerEntry.objects.filter(kind="batch").order_by("seq")]
    assert [(leaf.ref, leaf.sha256) for leaf in leaves] == [(str(b.pk), b.sha256) for b in (lines, document)]
    assert leaves[1].meta == {
        "bytes": document.bytes_raw,
        "packed_sha256": document.packed_sha256,
        "source": "aws",
    }


def test_the_same_bytes_again_are_the_same_batch_without_a_leaf(harbor):
    made = []
    for _ in range(2):
        delivery = receive_file(
            make.source(), io.BytesIO(make.lines([make.record()])), name="x", way="upload", at=NOON
        )
        made += seal_delivery(delivery, at=NOON)
    assert made[0] == made[1]
    assert [d.repeated for d in DeliveredBatch.objects.order_by("id")] == [False, True]
    assert LedgerEntry.objects.filter(kind="batch").count() == 1
    assert not Receipt.objects.exists()


def test_bodies_are_not_read_for_receipts_that_wait(harbor, django_assert_max_num_queries):
    for n in range(4):
        push(n)
    with django_assert_max_num_queries(4) as asked:
        assert seal(make.source(), at=NOON + SECOND) == []
    assert not any('"body"' in query["sql"] for query in asked.captured_queries)


def test_a_batch_whose_object_cannot_be_written_leaves_its_receipts(harbor, monkeypatch):
    push(1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            seal(make.source(), at=NOON, everything=True)
    assert Receipt.objects.count() == 1
    assert not Batch.objects.exists()
    assert not LedgerEntry.objects.exists()
    (batch,) = seal(make.source(), at=NOON, everything=True)
    assert content(batch)
