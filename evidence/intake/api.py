"""Sources and the files given to them. Evidence itself is pushed (`evidence.intake.push`), not sent to the API."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import path, reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.intake.deliveries import outcome
from evidence.intake.models import Delivery, Source
from evidence.intake.selectors import kind_of
from evidence.intake.sources import connect, set_state
from evidence.sources.registry import adapters
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Given, Instant, Told


def sources_of(gate: Gate) -> list[Source]:
    """Return the sources that a person may see: what bounds every list of evidence."""
    return gate.only(Source.objects.order_by("slug"))


class EvidenceListing(Listing):
    """A list of evidence: rows of the person's sources, bounded by an auditor's period in the query itself."""

    def sources(self) -> Sequence[Source]:
        """Return the sources whose evidence may be listed: one where the address names it."""
        found = sources_of(self.gate)
        wanted = self.asked.get("source")
        return [each for each in found if not wanted or each.slug == wanted]

    def shown(self, rows: list[Any]) -> Iterable[Any]:
        """Return every row: the query asked for none that may not be seen."""
        return rows


class SourceTold(Told):
    """A system that sends evidence."""

    title = serializers.SerializerMethodField()
    push = serializers.SerializerMethodField(
        help_text="Where its senders push to, with a token of the source."
    )

    class Meta:
        model = Source
        fields = ("slug", "title", "state", "connected_at", "in_scope_from", "push")

    def get_title(self, source: Source) -> str:
        """Return what the vendor calls it."""
        return kind_of(source.slug).title

    def get_push(self, source: Source) -> str:
        """Return the push address."""
        request = self.context["request"]._request
        return request.build_absolute_uri(reverse("push", args=[source.slug]))


class SourceGiven(Given):
    """Which source is connected."""

    example = {"slug": "aws"}
    slug = serializers.ChoiceField(choices=[(slug, slug) for slug in adapters()])


class SourceStateGiven(Given):
    """Whether it is heard."""

    example = {"state": "paused"}
    state = serializers.ChoiceField(choices=Source.State.choices)


_SOURCE_ORDERS = {"slug": ("slug",)}


class SourcesAsked(Page):
    """Which sources."""

    state = serializers.ChoiceField(choices=Source.State.choices, required=False)


@action("source.read", POST="source.connect")
class Sources(Listing):
    """List the client's sources."""

    names = {"GET": "list_sources", "POST": "connect_source"}
    gives = SourceTold
    takes = {"POST": SourceGiven}
    statuses = {"POST": 201}
    query = SourcesAsked
    orders = _SOURCE_ORDERS
    filters = {"state": "state"}

    def found(self) -> QuerySet[Any]:
        """Return every source."""
        return Source.objects.all()

    def post(self, request: Request) -> Response:
        """Connect a source; one that is connected already is answered as it is."""
        return self.told(connect(self.body()["slug"], at=self.gate.at))


@action("source.read", PATCH="source.change")
class OneSource(Endpoint):
    """One source."""

    names = {"GET": "get_source", "PATCH": "set_source_state"}
    gives = SourceTold
    takes = {"PATCH": SourceStateGiven}
    matched = ("PATCH",)

    def get(self, request: Request, slug: str) -> Response:
        """Show one source."""
        return self.told(self.one(Source.objects.all(), slug=slug))

    def patch(self, request: Request, slug: str) -> Response:
        """Pause, take up again or retire a source."""
        state = self.body()["state"]
        source = self.locked(Source.objects.all(), "source.read", slug=slug)
        if state == Source.State.RETIRED:
            self.must(source, "source.retire")
        return self.told(set_state(source, state, at=self.gate.at, by=self.person.pk))


class OutcomeTold(serializers.Serializer[Any]):
    """What became of a file: records = events + duplicates + rejected + records that are no event by design."""

    records = serializers.IntegerField()
    events = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()
    exceptions = serializers.IntegerField()
    batches = serializers.IntegerField()
    waiting = serializers.IntegerField()
    refused = serializers.ListField(child=serializers.CharField())


class DeliveryTold(Told):
    """A file that was given at once."""

    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]

    class Meta:
        model = Delivery
        fields = (
            "id", "source", "way", "name", "by", "started_at", "finished_at", "state", "reason", "packed_sha256",
            "sha256", "bytes",
        )  # fmt: skip


class WholeDeliveryTold(DeliveryTold):
    """A file that was given at once, and what became of its records."""

    outcome = serializers.SerializerMethodField()
    batches = serializers.SerializerMethodField()

    class Meta(DeliveryTold.Meta):
        fields = (*DeliveryTold.Meta.fields, "outcome", "batches")  # type: ignore[assignment]

    def get_outcome(self, delivery: Delivery) -> OutcomeTold:
        """Count its records."""
        return OutcomeTold(outcome(delivery)).data  # type: ignore[return-value]

    def get_batches(self, delivery: Delivery) -> list[int]:
        """Name the batches that hold its bytes."""
        return list(delivery.delivered.values_list("batch_id", flat=True))


_DELIVERY_ORDERS = {"-started_at": ("-started_at", "-id"), "started_at": ("started_at", "id")}


class DeliveriesAsked(Page):
    """Which files."""

    source = serializers.SlugField(required=False, max_length=40)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Delivery.State.choices, required=False)
    since = Instant(required=False)
    until = Instant(required=False)
    order = ordered(_DELIVERY_ORDERS)


@action("batch.read")
class Deliveries(EvidenceListing):
    """List the files that were uploaded or taken in by command."""

    names = {"GET": "list_deliveries"}
    gives = DeliveryTold
    query = DeliveriesAsked
    orders = _DELIVERY_ORDERS
    filters = {"state": "state", "since": "started_at__gte", "until": "started_at__lt"}

    def found(self) -> QuerySet[Any]:
        """Return the files given for the person's sources; for an auditor those given in the period."""
        found = Delivery.objects.filter(source__in=self.sources()).select_related("source")
        period = self.gate.period
        if period is None:
            return found
        return found.filter(started_at__gte=period.begins_at, started_at__lt=period.ends_before)


@action("batch.read")
class OneDelivery(Endpoint):
    """One file."""

    names = {"GET": "get_delivery"}
    gives = WholeDeliveryTold

    def get(self, request: Request, delivery: uuid.UUID) -> Response:
        """Show one file and what became of its records."""
        return self.told(self.one(Delivery.objects.select_related("source"), pk=delivery))


urlpatterns = [
    path("sources/", Sources.as_view(), name="api_sources"),
    path("sources/<slug:slug>/", OneSource.as_view(), name="api_source"),
    path("deliveries/", Deliveries.as_view(), name="api_deliveries"),
    path("deliveries/<uuid:delivery>/", OneDelivery.as_view(), name="api_delivery"),
]
