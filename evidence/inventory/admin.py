"""Accounts in the admin: as the sources list them."""

from typing import Any

from django.db.models import QuerySet

from evidence.intake.models import Source
from tenants.access.admin import PolicyAdmin
from tenants.access.gate import Gate


class AccountAdmin(PolicyAdmin):
    """Who has an account where; listings say so, nobody here."""

    view_action = "inventory.read"
    list_display = ("name", "key", "source", "first_seen", "last_seen")
    list_filter = ("source",)
    list_select_related = ("source",)
    search_fields = ("name", "key")
    ordering = ("name", "key")
    fields = ("name", "key", "aliases", "source", "first_seen", "last_seen")

    def allowed_rows(self, found: QuerySet[Any], gate: Gate) -> QuerySet[Any]:
        """Accounts belong to whom their source belongs to."""
        sources = gate.only(Source.objects.all(), self.view_action)
        return found.filter(source__in=[source.pk for source in sources])
