"""A full disk refuses cleanly and recovers (T11). The limit is the kernel's, on the size of a file."""

import contextlib
import io
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from evidence.batches.models import Batch
from evidence.batches.tasks import intake
from evidence.events.models import Event
from evidence.intake.ingest import ingest
from evidence.intake.models import Delivery, Receipt
from evidence.intake.services import NoRoom, receive_body
from evidence.intake.sources import issue_token
from evidence.ledger.models import LedgerEntry
from tests import make

RECORDS = [make.record(n=n) for n in range(400)]


@contextlib.contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Make every write beyond `size` bytes of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def partials() -> list[Path]:
    return list(Path(default_storage.location).rglob("*.partial"))


def test_a_document_that_cannot_be_stored_is_refused_and_comes_in_later(harbor, monkeypatch):
    monkeypatch.setattr("evidence.intake.services.ROW_LIMIT", 1000)
    content = make.log_file(RECORDS, packed=False)
    with no_file_above(2000), pytest.raises(OSError, match="too large"):
        ingest(make.source(), io.BytesIO(content), name="big.json", way="upload", at=make.NOON)
    delivery = Delivery.objects.get()
    assert (delivery.state, Receipt.objects.count()) == ("refused", 0)
    assert "send it again" in delivery.reason
    assert partials() == []
    assert make.take_in(content).events == 400


def test_what_was_received_waits_until_it_can_be_sealed(harbor, monkeypatch):
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)
    receive_body(make.source(), make.log_file(RECORDS), at=make.NOON)
    with no_file_above(1000):
        assert intake.run() == 0
    assert (Receipt.objects.count(), Batch.objects.count(), LedgerEntry.objects.count()) == (1, 0, 0)
    assert partials() == []
    assert intake.run() == 1
    assert (Receipt.objects.count(), Event.objects.count()) == (0, 400)


def test_a_disk_that_is_nearly_full_takes_nothing_and_says_so(harbor, settings):
    settings.PROOFLINE_FREE_BYTES = 1 << 60
    with pytest.raises(NoRoom, match="MiB left"):
        receive_body(make.source(), b"{}", at=make.NOON)
    with pytest.raises(NoRoom, match="MiB left"):
        ingest(make.source(), io.BytesIO(b"{}"), name="x", way="upload", at=make.NOON)
    assert not Receipt.objects.exists()
    assert "MiB left" in Delivery.objects.get().reason


def test_a_push_to_a_full_disk_is_answered_with_507_before_anything_is_kept(harbor, settings):
    settings.PROOFLINE_FREE_BYTES = 1 << 60
    token = issue_token(make.source(), at=timezone.now(), by=None)
    answer = Client().post(
        f"/c/{harbor.slug}/intake/aws",
        make.lines(RECORDS[:2]),
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 507
    assert "MiB left" in answer.json()["detail"]
    assert not Receipt.objects.exists()
