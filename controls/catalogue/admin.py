"""Controls in the admin: what their owners may change of them."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from controls.catalogue.editing import EDITABLE, Refused, assign_owner, edit_control, possible_owners, refuse
from controls.catalogue.models import Control
from controls.results.words import FREQUENCIES, NATURES, frequency_words, nature_words
from tenants.access.admin import PolicyAdmin, PolicyForm
from tenants.members.models import User


def _person(text: Any) -> uuid.UUID | None:
    return uuid.UUID(str(text)) if text else None


def _legend(words: Mapping[str, str]) -> str:
    return "; ".join(f"{code}: {said}" for code, said in words.items())


class ControlForm(PolicyForm):
    """What may be changed of a control, refused here in the service's own words."""

    design_reviewed = forms.DateField(
        required=False,
        label="Design reviewed",
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
        help_text="The day of the last review of its design.",
    )

    class Meta:
        model = Control
        fields = ["statement", "frequency", "nature", "design_reviewed", "owner"]
        widgets = {"statement": UnfoldAdminTextareaWidget({"rows": 4})}
        help_texts = {
            "frequency": f"{_legend(FREQUENCIES)}. Two are joined by +, such as occ+Q.",
            "nature": f"{_legend(NATURES)}. They are joined by -, such as P-A.",
        }

    def clean(self) -> dict[str, Any]:
        """Ask the service about each value."""
        cleaned = super().clean()
        for name in set(EDITABLE) & set(cleaned):
            try:
                refuse(name, cleaned[name], today=timezone.localdate())
            except Refused as refusal:
                self.add_error(name, ValidationError(str(refusal)))
        return cleaned


class ControlAdmin(PolicyAdmin):
    """Controls: all may be seen; an owner edits their own."""

    view_action = "control.read"
    change_action = "control.edit"
    editable = {**dict.fromkeys(EDITABLE, "control.edit"), "owner": "control.assign_owner"}
    history_word = "control"
    form = ControlForm
    list_display = ("id", "says", "owner_words", "status", "often", "key_words")
    list_filter = ("status", "key")
    search_fields = ("id", "statement")
    fields = (
        "page", "statement", "frequency", "nature", "design_reviewed", "owner", "criteria", "key_words", "status",
        "in_operation_from", "version", "version_from",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Control]:
        """The controls with their owners' names."""
        name = User.objects.filter(pk=OuterRef("owner")).values("full_name")[:1]
        return super().get_queryset(request).annotate(owner_name=Subquery(name))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """An owner that may not be changed is shown by name."""
        return [
            "owner_words" if name == "owner" else name for name in super().get_readonly_fields(request, obj)
        ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """See `get_readonly_fields`."""
        fields = super().get_fields(request, obj)
        if self._may_edit(request, "owner", obj):
            return fields
        return ["owner_words" if name == "owner" else name for name in fields]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The owner is chosen among the client's members."""
        if db_field.name == "owner":
            return forms.TypedChoiceField(
                choices=[("", "Nobody"), *((str(key), name) for key, name in possible_owners())],
                coerce=_person,
                empty_value=None,
                required=False,
                label="Owner",
                widget=UnfoldAdminSelectWidget(),
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Control, form: Any, change: bool) -> None:
        """Change the control by its services."""
        by, at = request.access.person.pk, request.access.at
        given = form.given
        edited = {name: value for name, value in given.items() if name in EDITABLE}
        if edited:
            edit_control(obj.pk, given=edited, by=by, at=at)
        if "owner" in given:
            assign_owner(obj.pk, owner=given["owner"], by=by, at=at)

    @display(description="Statement")
    def says(self, obj: Control) -> str:
        """Its statement, short."""
        return obj.statement if len(obj.statement) <= 90 else f"{obj.statement[:88]}…"

    @display(description="Owner")
    def owner_words(self, obj: Control) -> str:
        """Its owner's name."""
        return obj.owner_name or "nobody yet"

    @display(description="Frequency and nature")
    def often(self, obj: Control) -> str:
        """How often it works, and of what kind it is, in words."""
        return f"{frequency_words(obj.frequency)}; {nature_words(obj.nature)}"

    @display(description="Key control")
    def key_words(self, obj: Control) -> str:
        """Whether its failure alone would matter."""
        return "yes" if obj.key else "no"

    @display(description="Results and evidence")
    def page(self, obj: Control) -> SafeString:
        """Where its results stand."""
        return format_html('<a href="{}">The page of {}</a>', reverse("control", args=[obj.pk]), obj.pk)
