"""Exceptions in the admin: read alone. Their acts have rules of their own and are done on their page."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from controls.exceptions.listing import visible
from controls.exceptions.models import ControlException
from tenants.access.admin import PolicyAdmin
from tenants.access.gate import Gate
from tenants.members.models import User


class ExceptionAdmin(PolicyAdmin):
    """What went wrong, as it stands; nothing of it is typed in here."""

    view_action = "exception.read"
    title = "Exceptions"
    list_display = ("number", "facts", "control", "severity", "state", "fix_due", "owner_words")
    list_filter = ("state", "severity")
    search_fields = ("number", "facts", "control")
    ordering = ("-opened",)
    fields = (
        "page", "number", "facts", "control", "criteria", "severity", "state", "detected", "triage_due", "fix_due",
        "owner_words", "cause", "cause_words", "harm", "fix", "fixed_at", "retested_at", "closed_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The exceptions that the person may see, with their owners' names."""
        name = User.objects.filter(pk=OuterRef("owner")).values("full_name")[:1]
        return super().get_queryset(request).annotate(owner_name=Subquery(name))

    def allowed_rows(self, found: QuerySet[Any], gate: Gate) -> QuerySet[Any]:
        """As the list of exceptions does."""
        return found.filter(pk__in=visible(gate).values("pk"))

    @display(description="Owner")
    def owner_words(self, obj: ControlException) -> str:
        """Its owner's name."""
        return obj.owner_name or "nobody yet"

    @display(description="What to do")
    def page(self, obj: ControlException) -> SafeString:
        """Where it is acted on."""
        return format_html(
            '<a href="{}">Act on {} on its page</a>', reverse("exception", args=[obj.number]), obj.number
        )
