"""Sources in the admin."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from evidence.intake.models import Source
from evidence.intake.sources import set_scope
from tenants.access.admin import PolicyAdmin, PolicyForm


class SourceForm(PolicyForm):
    """Since when a source is in scope."""

    in_scope_from = forms.DateField(
        required=False,
        label="In scope from",
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
        help_text="The first day that its silence counts as a gap; empty: its first event says so.",
    )

    class Meta:
        model = Source
        fields = ["in_scope_from"]


class SourceAdmin(PolicyAdmin):
    """What the client's systems send; a source is connected on its page."""

    view_action = "source.read"
    change_action = "source.change"
    editable = {"in_scope_from": "source.change"}
    history_word = "source"
    form = SourceForm
    list_display = ("slug", "state", "connected_at", "in_scope_from")
    ordering = ("slug",)
    fields = ("page", "slug", "state", "connected_at", "in_scope_from")

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Change the scope by its service."""
        if "in_scope_from" in form.given:
            set_scope(
                obj.pk, since=form.given["in_scope_from"], by=request.access.person.pk, at=request.access.at
            )

    @display(description="Events and tokens")
    def page(self, obj: Source) -> SafeString:
        """Where what it sends stands."""
        return format_html('<a href="{}">The page of {}</a>', reverse("source", args=[obj.slug]), obj.slug)
