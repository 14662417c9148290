"""Batches, their exact bytes, and the records in them that could not be read."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.batches import views
from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.selectors import telling_of
from evidence.batches.showing import readable
from evidence.intake.api import EvidenceListing
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Page, ordered
from tenants.api.fields import Instant, Told


class BatchTold(Told):
    """Immutable bytes of one source, named by their SHA-256, and what was read from them."""

    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]

    class Meta:
        model = Batch
        fields = (
            "id", "source", "sha256", "packed_sha256", "name", "adapter", "adapter_version", "received_from",
            "received_to", "first_event", "last_event", "records", "events", "duplicates", "rejected", "exceptions",
            "bytes_raw", "bytes_stored", "state", "reason", "sealed_at", "recorded_at",
        )  # fmt: skip


_BATCH_ORDERS = {"-id": ("-id",), "id": ("id",)}


class BatchesAsked(Page):
    """Which batches."""

    source = serializers.SlugField(required=False, max_length=40)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Batch.State.choices, required=False)
    since = Instant(required=False, help_text="Received at or after this instant.")
    until = Instant(required=False, help_text="Received before this instant.")
    sha256 = serializers.CharField(required=False, max_length=64)
    order = ordered(_BATCH_ORDERS)


@action("batch.read")
class Batches(EvidenceListing):
    """List batches."""

    names = {"GET": "list_batches"}
    gives = BatchTold
    query = BatchesAsked
    orders = _BATCH_ORDERS
    filters = {
        "state": "state",
        "since": "received_to__gte",
        "until": "received_from__lt",
        "sha256": "sha256",
    }

    def found(self) -> QuerySet[Any]:
        """Return the batches of the person's sources; for an auditor those that tell of the period."""
        found = Batch.objects.filter(source__in=self.sources()).select_related("source")
        return found if self.gate.period is None else found.filter(telling_of(self.gate.period))


@action("batch.read")
class OneBatch(Endpoint):
    """One batch."""

    names = {"GET": "get_batch"}
    gives = BatchTold

    def get(self, request: Request, batch: int) -> Response:
        """Show one batch."""
        return self.told(self.one(Batch.objects.select_related("source"), pk=batch))


@action("event.raw")
class BatchBytes(Endpoint):
    """A batch's bytes."""

    names = {"GET": "get_batch_raw"}
    media_type = "application/octet-stream"

    def get(self, request: Request, batch: int) -> HttpResponseBase:
        """Download a batch's exact bytes."""
        return views.raw(request._request, batch)


class RejectedTold(Told):
    """A record that is no event, with its reason and how it begins."""

    source = serializers.CharField(source="batch.source.slug")  # type: ignore[assignment]
    excerpt = serializers.SerializerMethodField()

    class Meta:
        model = RejectedRecord
        fields = ("id", "source", "batch", "seq", "code", "reason", "excerpt", "retried_at", "resolved")

    def get_excerpt(self, record: RejectedRecord) -> str:
        """Return how it begins, as text."""
        return readable(bytes(record.excerpt))


_REJECTED_ORDERS = {"-id": ("-id",), "id": ("id",)}


class RejectedAsked(Page):
    """Which rejected records."""

    source = serializers.SlugField(required=False, max_length=40)  # type: ignore[assignment]
    batch = serializers.IntegerField(required=False, min_value=1)
    code = serializers.CharField(required=False, max_length=30)
    resolved = serializers.BooleanField(required=False, allow_null=True, default=False)
    order = ordered(_REJECTED_ORDERS)


@action("rejected.read")
class Rejected(EvidenceListing):
    """List the records that are no events, with the reason."""

    names = {"GET": "list_rejected"}
    gives = RejectedTold
    query = RejectedAsked
    orders = _REJECTED_ORDERS
    filters = {"batch": "batch", "code": "code", "resolved": "resolved"}

    def found(self) -> QuerySet[Any]:
        """Return the rejected records of the person's sources; for an auditor those of batches of the period."""
        found = RejectedRecord.objects.filter(batch__source__in=self.sources())
        if self.gate.period is not None:
            found = found.filter(batch__in=Batch.objects.filter(telling_of(self.gate.period)))
        return found.select_related("batch__source")


urlpatterns = [
    path("batches/", Batches.as_view(), name="api_batches"),
    path("batches/<int:batch>/", OneBatch.as_view(), name="api_batch"),
    path("batches/<int:batch>/raw/", BatchBytes.as_view(), name="api_batch_raw"),
    path("rejected/", Rejected.as_view(), name="api_rejected"),
]
