"""Rule settings in the admin: the versions that there were, and a new one from now on."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from controls.results.models import RuleSetting
from controls.rules.registry import rules
from controls.rules.setting import Refused, refuse, set_rule
from tenants.access.admin import PolicyAdmin, PolicyForm
from tenants.members.models import User


class RuleSettingForm(PolicyForm):
    """A new version of a rule's settings."""

    class Meta:
        model = RuleSetting
        fields = ["rule", "values", "enabled"]
        help_texts = {
            "values": "A JSON object of the settings that differ from the rule's defaults; {} for none.",
            "enabled": "Off: the rule judges nothing that happens from now on.",
        }

    def clean(self) -> dict[str, Any]:
        """Ask the service about the values."""
        cleaned = super().clean()
        if "rule" in cleaned and "values" in cleaned:
            try:
                refuse(cleaned["rule"], cleaned["values"] or {})
            except Refused as refusal:
                self.add_error("values", ValidationError(str(refusal)))
        return cleaned


class RuleSettingAdmin(PolicyAdmin):
    """Versions are added, never changed: what was judged with one stays judged with it."""

    view_action = "rule.read"
    add_action = "rule.setting"
    editable = dict.fromkeys(("rule", "values", "enabled"), "rule.setting")
    history_word = "rule setting"
    form = RuleSettingForm
    list_display = ("rule", "values", "enabled", "valid_from", "by_words")
    list_filter = ("rule", "enabled")
    ordering = ("-valid_from",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What a person says; of a version that is there, since when and by whom."""
        said = ["rule", "values", "enabled"]
        return said if obj is None else [*said, "valid_from", "by_words"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nothing of a version that is there can be changed."""
        return [] if obj is None else self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSetting]:
        """The versions with the names of who made them."""
        name = User.objects.filter(pk=OuterRef("by")).values("full_name")[:1]
        return super().get_queryset(request).annotate(by_name=Subquery(name))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A rule is chosen among those that there are."""
        if db_field.name == "rule":
            choices = [(rule.id, f"{rule.id} {rule.title}") for rule in rules()]
            return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget())
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "values":
            field.required = False
            field.initial = dict
        return field

    def save_model(self, request: HttpRequest, obj: RuleSetting, form: Any, change: bool) -> None:
        """Add the version by its service."""
        said = form.cleaned_data
        made = set_rule(
            said["rule"],
            values=said["values"] or {},
            enabled=said["enabled"],
            by=request.access.person.pk,
            at=request.access.at,
        )
        obj.pk, obj.valid_from = made.pk, made.valid_from

    @display(description="By")
    def by_words(self, obj: RuleSetting) -> str:
        """Who made the version."""
        return obj.by_name or "the system"
