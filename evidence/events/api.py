"""Events: a window of time by keyset, one record as we read it, its exact bytes, its proof."""

from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.events import views
from evidence.events.models import Event
from evidence.events.normalized import class_words
from evidence.events.selectors import Record
from evidence.intake.api import EvidenceListing
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Page, ordered
from tenants.api.fields import Hex, Instant, Told
from tenants.api.problems import Problem

USUAL: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=366)


class EventTold(Told):
    """One normalized event. `batch` and `seq` name the record that it was made from."""

    uid = Hex()
    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]
    batch = serializers.IntegerField(source="batch_id")
    class_name = serializers.SerializerMethodField()
    src_ip = serializers.CharField(allow_null=True)

    class Meta:
        model = Event
        fields = (
            "time", "uid", "source", "batch", "seq", "class_uid", "class_name", "activity_id", "status_id",
            "severity_id", "src_ip", "actor_key", "action", "target_key",
        )  # fmt: skip

    def get_class_name(self, event: Event) -> str:
        """Name its OCSF class and activity."""
        return class_words(event.class_uid, event.activity_id)


_ORDERS = {"-time": ("-time", "-uid"), "time": ("time", "uid")}


class EventsAsked(Page):
    """Which events: a window of at most 366 days, and words."""

    since = Instant(required=False, help_text="From this instant; without it 30 days before until.")
    until = Instant(required=False, help_text="Before this instant; without it now.")
    source = serializers.SlugField(required=False, max_length=40)  # type: ignore[assignment]
    action = serializers.CharField(required=False, max_length=200, help_text="A part of the action.")
    actor = serializers.CharField(required=False, max_length=300, help_text="The whole key of the actor.")
    target = serializers.CharField(required=False, max_length=300, help_text="The whole key of the target.")
    src_ip = serializers.IPAddressField(required=False)
    class_uid = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    status_id = serializers.IntegerField(required=False, min_value=0, max_value=2**15 - 1)
    severity_id = serializers.IntegerField(required=False, min_value=0, max_value=2**15 - 1)
    batch = serializers.IntegerField(required=False, min_value=1)
    order = ordered(_ORDERS)


@action("event.read")
class Events(EvidenceListing):
    """List the events of a window of time."""

    names = {"GET": "list_events"}
    gives = EventTold
    query = EventsAsked
    orders = _ORDERS
    filters = {
        "action": "action__icontains", "actor": "actor_key", "target": "target_key", "src_ip": "src_ip",
        "class_uid": "class_uid", "status_id": "status_id", "severity_id": "severity_id", "batch": "batch",
    }  # fmt: skip

    def found(self) -> QuerySet[Any]:
        """Return the events of the window, cut to an auditor's period."""
        period = self.gate.period
        try:
            until = self.asked.get("until") or (
                period.ends_before if period else self.gate.at + timedelta(days=1)
            )
            since = self.asked.get("since") or (period.begins_at if period else until - USUAL)
        except OverflowError as error:
            raise Problem(400, "No calendar has such a time. Choose a later one.") from error
        if period is not None:
            since, until = max(since, period.begins_at), min(until, period.ends_before)
        if until - since > LONGEST and period is None:
            raise Problem(
                400, f"At most {LONGEST.days} days are answered at once. Bring since and until together."
            )
        found = Event.objects.filter(
            source__in=[each.pk for each in self.sources()], time__gte=since, time__lt=until
        )
        return found.select_related("source")


class RecordTold(serializers.Serializer[Any]):
    """One record of a batch as the adapter reads it now. `event` is null for what is no event."""

    batch = serializers.IntegerField(source="batch.pk")
    seq = serializers.IntegerField()
    source = serializers.CharField(source="batch.source.slug")  # type: ignore[assignment]
    bytes = serializers.SerializerMethodField()
    duplicate = serializers.BooleanField(help_text="Whether another record brought the event first.")
    rejected = serializers.SerializerMethodField(help_text="Why it is no event; null where it is one.")
    event = serializers.SerializerMethodField(help_text="The event in OCSF; null where it is none.")

    def get_bytes(self, record: Record) -> int:
        """Count its bytes."""
        return len(record.raw)

    def get_rejected(self, record: Record) -> str | None:
        """Return the reason."""
        return record.rejected.reason if record.rejected else None

    def get_event(self, record: Record) -> dict[str, Any] | None:
        """Return the whole document."""
        return record.event.full() if record.event else None


@action("event.read")
class OneEvent(Endpoint):
    """One record."""

    names = {"GET": "get_event"}
    gives = RecordTold

    def get(self, request: Request, batch: int, seq: int) -> Response:
        """Show one record of a batch as we read it."""
        found = views.batch_for(self.gate, batch)
        try:
            return self.told(views.record_for(self.gate, found, seq))
        except OSError as error:
            raise Problem(
                410, "The store does not hold the bytes of this batch. Tell the operator."
            ) from error


@action("event.raw")
class EventBytes(Endpoint):
    """One record's bytes."""

    names = {"GET": "get_event_raw"}
    media_type = "application/octet-stream"

    def get(self, request: Request, batch: int, seq: int) -> HttpResponseBase:
        """Download the exact bytes of one record."""
        return views.raw(request._request, batch, seq)


class EventProofTold(serializers.Serializer[Any]):
    """From a record's bytes to the batch's root, and on to the last signed head (docs/formats/bundle.md)."""

    client = serializers.UUIDField()
    batch = serializers.DictField()
    record = serializers.DictField()
    leaf = serializers.DictField(required=False)


@action("event.read")
class EventProof(Endpoint):
    """One record's proof."""

    names = {"GET": "get_event_proof"}
    gives = EventProofTold

    def get(self, request: Request, batch: int, seq: int) -> HttpResponseBase:
        """Show the proof of one record."""
        return views.proof(request._request, batch, seq)


urlpatterns = [
    path("events/", Events.as_view(), name="api_events"),
    path("events/<int:batch>/<int:seq>/", OneEvent.as_view(), name="api_event"),
    path("events/<int:batch>/<int:seq>/raw/", EventBytes.as_view(), name="api_event_raw"),
    path("events/<int:batch>/<int:seq>/proof/", EventProof.as_view(), name="api_event_proof"),
]
