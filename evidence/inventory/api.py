"""The accounts of the client's sources, with what is known of each."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.intake.api import EvidenceListing
from evidence.inventory.facts import Facts
from evidence.inventory.models import Account
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Page, ordered
from tenants.api.fields import Instant, Told


class AccountTold(Told):
    """An account of a source. To an auditor, what was seen outside the period is null."""

    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]
    first_seen = serializers.SerializerMethodField()
    last_seen = serializers.SerializerMethodField()

    class Meta:
        model = Account
        fields = ("id", "source", "key", "name", "aliases", "first_seen", "last_seen")

    def _seen(self, at: datetime) -> str | None:
        period = self.context["view"].gate.period
        inside = period is None or period.begins_at <= at < period.ends_before
        return Instant().to_representation(at) if inside else None

    def get_first_seen(self, account: Account) -> str | None:
        """Return when it was first seen."""
        return self._seen(account.first_seen)

    def get_last_seen(self, account: Account) -> str | None:
        """Return when it was last seen."""
        return self._seen(account.last_seen)


class WholeAccountTold(AccountTold):
    """An account with the facts known of it now; for an auditor at the end of the period."""

    facts = serializers.SerializerMethodField()

    class Meta(AccountTold.Meta):
        fields = (*AccountTold.Meta.fields, "facts")  # type: ignore[assignment]

    def get_facts(self, account: Account) -> dict[str, Any]:
        """Return the facts by name."""
        gate = self.context["view"].gate
        at = min(gate.at, gate.period.ends_before - timedelta(seconds=1)) if gate.period else gate.at
        facts = Facts(account.source_id, at, at + timedelta(seconds=1))
        subject = f"account:{account.key}"
        facts.load([subject])
        return dict(sorted(facts.names(subject, at).items()))


_ORDERS = {"id": ("id",), "key": ("key", "id")}


class AccountsAsked(Page):
    """Which accounts."""

    source = serializers.SlugField(required=False, max_length=40)  # type: ignore[assignment]
    key = serializers.CharField(required=False, max_length=300)
    name = serializers.CharField(required=False, max_length=200, help_text="A part of the name.")
    order = ordered(_ORDERS)


@action("inventory.read")
class Accounts(EvidenceListing):
    """List the accounts that sources told of."""

    names = {"GET": "list_accounts"}
    gives = AccountTold
    query = AccountsAsked
    orders = _ORDERS
    filters = {"key": "key", "name": "name__icontains"}

    def found(self) -> QuerySet[Any]:
        """Return the accounts of the person's sources; for an auditor those seen in the period."""
        found = Account.objects.filter(source__in=self.sources()).select_related("source")
        period = self.gate.period
        if period is None:
            return found
        return found.filter(first_seen__lt=period.ends_before, last_seen__gte=period.begins_at)


@action("inventory.read")
class OneAccount(Endpoint):
    """One account."""

    names = {"GET": "get_account"}
    gives = WholeAccountTold

    def get(self, request: Request, account: int) -> Response:
        """Show one account and what is known of it."""
        return self.told(self.one(Account.objects.select_related("source"), pk=account))


urlpatterns = [
    path("accounts/", Accounts.as_view(), name="api_accounts"),
    path("accounts/<int:account>/", OneAccount.as_view(), name="api_account"),
]
