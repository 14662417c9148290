"""The portal's own API: the clients of a person, with their summary."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.access.declare import action
from tenants.access.policy import judged_some, standing
from tenants.api.endpoint import Listing, Page, ordered
from tenants.api.fields import Told
from tenants.clients.context import client_address
from tenants.clients.models import Client
from tenants.cockpit.models import ClientSummary
from tenants.cockpit.selectors import rows
from tenants.members.selectors import clients_of

_ORDERS = {"slug": ("slug",), "name": ("name", "slug"), "-name": ("-name", "slug")}


class SummaryTold(Told):
    """What the cockpit counts; null is not collected."""

    class Meta:
        model = ClientSummary
        fields = (
            "exceptions_live", "exceptions_critical", "exceptions_high", "exceptions_late", "unknown_members_30d",
            "sources", "events_30d", "covered_days_30d", "last_event_at", "updated_at",
        )  # fmt: skip


class ClientTold(Told):
    """A client: `api` is where its API begins; `entered` says whether you may enter it."""

    api = serializers.SerializerMethodField()
    entered = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()

    class Meta:
        model = Client
        fields = ("id", "slug", "name", "zone", "api", "entered", "summary")

    def get_api(self, client: Client) -> str:
        """Return the address below which the client's API answers."""
        return f"{client_address(self.context['request'], client)}api/v1/"

    def get_entered(self, client: Client) -> bool:
        """Tell whether the person may enter: an administrator sees clients that are not assigned to them."""
        return bool(getattr(client, "assigned", True))

    @extend_schema_field(SummaryTold(allow_null=True))
    def get_summary(self, client: Client) -> Any:
        """Return the counts, to those who see the cockpit."""
        summary = getattr(client, "summary", None) if self.context["view"].sees_cockpit else None
        return SummaryTold(summary).data if summary is not None else None


class ClientsAsked(Page):
    """Which clients."""

    name = serializers.CharField(required=False, max_length=120, help_text="A part of the name.")
    order = ordered(_ORDERS)


@action("client.list")
class Clients(Listing):
    """List your clients; the MSSP's people see the cockpit's counts of each."""

    tag = "clients"
    names = {"GET": "list_clients"}
    gives = ClientTold
    query = ClientsAsked
    orders = _ORDERS
    filters = {"name": "name__icontains"}

    @property
    def sees_cockpit(self) -> bool:
        """Whether counts are shown to the person."""
        return judged_some(self.gate.standing, "cockpit.read")

    def found(self) -> QuerySet[Any]:
        """Return the clients that exist for the person."""
        if self.sees_cockpit:
            return rows(self.gate.standing)
        return clients_of(self.person, at=self.gate.at).select_related("summary")

    def shown(self, rows: list[Any]) -> Iterable[Any]:
        """Return those that the policy lists; to somebody of clients' own, those that are open to them now."""
        listed = self.gate.only(rows)
        if self.sees_cockpit:
            return listed
        return [each for each in listed if standing(self.person, each, at=self.gate.at).known]


urlpatterns = [path("clients/", Clients.as_view(), name="api_clients")]
