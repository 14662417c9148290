"""What is not as it should be: every byte is an event, a duplicate, a listing, or a rejected record with its reason."""

import datetime
import gzip
import io

import pytest

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.objects import opened
from evidence.events.models import Event
from evidence.intake.deliveries import Outcome
from evidence.intake.ingest import ingest
from evidence.intake.models import Delivery, Receipt
from evidence.intake.services import ROW_LIMIT, Refused, TooLarge, receive_body, receive_file
from tenants.clients.switch import client
from tests import make

HOUR = datetime.timedelta(hours=1)
THREE = [make.record(n=n) for n in range(3)]


def adds_up(found: Outcome, listings: int = 0) -> bool:
    return found.records == found.events + found.duplicates + found.rejected + listings and not found.waiting


def reasons(found: Outcome) -> list[str]:
    return [str(reason["reason"]) for reason in found.reasons]


def test_a_log_file_becomes_events(harbor):
    found = make.take_in(make.log_file(THREE))
    assert (found.records, found.events, found.rejected) == (3, 3, 0)
    assert Event.objects.count() == 3
    assert adds_up(found)


def test_of_a_truncated_gzip_what_can_be_read_is_read(harbor):
    found = make.take_in(make.log_file([make.record(n=n) for n in range(400)])[:-2000])
    assert 0 < found.events < 400
    assert found.rejected >= 1
    assert adds_up(found)
    assert all(reasons(found))


def test_invalid_utf8_rejects_the_record_alone(harbor):
    broken = make.lines(THREE).replace(b"aws-cli", b"aws\xff\xfecli", 1)
    found = make.take_in(broken)
    assert (found.events, found.rejected) == (2, 1)
    assert adds_up(found)
    assert b"\xff\xfe" in bytes(RejectedRecord.objects.get().excerpt) or RejectedRecord.objects.get().excerpt


@pytest.mark.parametrize("value", [b"17", b"true", b'"text"', b"null", b"{}"])
def test_a_record_that_is_no_object_of_fields_is_rejected(harbor, value):
    first, second, third = make.lines(THREE).splitlines()
    found = make.take_in(b"\n".join([first, value, second, third]))
    assert (found.records, found.events, found.rejected) == (4, 3, 1)
    assert adds_up(found)


@pytest.mark.parametrize(
    "time",
    [None, "", "yesterday", "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", 17, "2026-02-30T00:00:00Z"],
)
def test_no_or_an_absurd_event_time_is_rejected_with_its_reason(harbor, time):
    record = make.record(n=9)
    if time is None:
        del record["eventTime"]
    else:
        record["eventTime"] = time
    found = make.take_in(make.log_file([*THREE, record]))
    assert (found.events, found.rejected) == (3, 1)
    assert len(reasons(found)) == 1
    assert adds_up(found)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"   ", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_done_with_nothing_in_it(harbor, content):
    found = make.take_in(content)
    assert found.events == 0
    assert adds_up(found)
    assert Delivery.objects.get().state == Delivery.State.DONE
    assert not Receipt.objects.exists()


def test_the_same_file_twice_adds_nothing_and_counts_duplicates(harbor):
    content = make.log_file(THREE)
    make.take_in(content)
    again = make.take_in(content)
    assert (again.records, again.events, again.duplicates) == (3, 0, 3)
    assert adds_up(again)
    assert Event.objects.count() == 3
    assert Batch.objects.count() == 1


def test_the_same_records_in_another_wrapping_are_duplicates(harbor):
    make.take_in(make.log_file(THREE))
    again = make.take_in(make.lines(reversed(THREE)))
    assert (again.events, again.duplicates) == (0, 3)
    assert adds_up(again)


@pytest.mark.parametrize("wrap", [lambda r: make.log_file(r, packed=False), make.lines])
def test_a_file_cut_in_the_middle_of_a_record_keeps_those_before_it(harbor, wrap):
    content = wrap(THREE)
    found = make.take_in(content[: content.rindex(b'"eventID"')])
    assert (found.events, found.rejected) == (2, 1)
    assert adds_up(found)


def test_a_listing_is_a_record_and_no_event(harbor):
    found = make.take_in(make.listing(make.NOON, {"alice": True}))
    assert (found.records, found.events, found.rejected) == (1, 0, 0)
    assert adds_up(found, listings=1)


def test_two_clients_with_identical_bytes_share_nothing(db):
    content = make.log_file(THREE)
    names = []
    for slug in ("harbor", "quay"):
        with client(make.client(slug)):
            found = make.take_in(content)
            assert (found.events, found.duplicates) == (3, 0)
            names.append(Batch.objects.get().object_name)
    first, second = names
    assert first != second
    assert first.rsplit("/", 1)[1] == second.rsplit("/", 1)[1]
    with opened(first) as one, opened(second) as other:
        assert one.read() == other.read() == gzip.decompress(content)


def test_a_body_over_the_limit_is_refused_with_the_limit(harbor, settings):
    settings.PROOFLINE_PUSH_LIMIT = 1000
    with pytest.raises(TooLarge, match="1000"):
        receive_body(make.source(), b"x" * 1001, at=make.NOON)
    with pytest.raises(TooLarge, match="1000"):
        receive_body(make.source(), gzip.compress(b" " * 5000), at=make.NOON, encoding="gzip")
    two_members = gzip.compress(b" " * 600) + gzip.compress(b" " * 600)
    with pytest.raises(TooLarge, match="1000"):
        receive_body(make.source(), two_members, at=make.NOON, encoding="gzip")
    assert not Receipt.objects.exists()


def test_an_empty_body_is_refused(harbor):
    with pytest.raises(Refused, match="empty"):
        receive_body(make.source(), b"", at=make.NOON)


def test_a_body_that_only_says_gzip_is_kept_as_it_came(harbor):
    receipt = receive_body(make.source(), b'{"a":1}', at=make.NOON, encoding="gzip")
    assert bytes(receipt.body) == b'{"a":1}'


def test_a_document_over_the_row_limit_waits_in_an_object(harbor, monkeypatch):
    monkeypatch.setattr("evidence.intake.services.ROW_LIMIT", 5000)
    content = make.log_file([make.record(n=n) for n in range(30)], packed=False)
    delivery = receive_file(make.source(), io.BytesIO(content), name="big.json", way="upload", at=make.NOON)
    receipt = Receipt.objects.get(delivery=delivery)
    assert receipt.body is None
    with opened(receipt.object_name) as stream:
        assert stream.read() == content
    found = make.take_in(content)
    assert found.events == 30
    assert ROW_LIMIT > 5000


def test_a_file_of_lines_is_cut_at_line_ends_into_several_receipts(harbor, settings):
    settings.PROOFLINE_SEAL_BYTES = 3000
    content = make.lines(make.record(n=n) for n in range(20))
    delivery = receive_file(make.source(), io.BytesIO(content), name="x", way="upload", at=make.NOON)
    bodies = [bytes(r.body) for r in Receipt.objects.filter(delivery=delivery).order_by("id")]
    assert len(bodies) >= 5
    assert b"".join(bodies) == content
    assert all(body.endswith(b"\n") and len(body) <= 3000 for body in bodies)
    found = make.take_in(content)
    assert (found.records, found.events) == (20, 20)
    assert found.batches == len(bodies)


def test_a_file_that_unpacks_beyond_all_measure_is_refused_and_says_so_afterwards(harbor):
    bomb = gzip.compress(b" " * (40 << 20), 9)
    with pytest.raises(Refused, match="unpacks to more"):
        ingest(make.source(), io.BytesIO(bomb), name="bomb.gz", way="upload", at=make.NOON)
    delivery = Delivery.objects.get()
    assert delivery.state == Delivery.State.REFUSED
    assert "unpacks to more" in delivery.reason
    assert not Receipt.objects.exists()
