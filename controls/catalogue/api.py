"""Criteria in scope, and controls: read, made, edited."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controls.catalogue.editing import Refused, assign_owner, create_control, edit_control
from controls.catalogue.loader import catalogue
from controls.catalogue.models import Control, ControlProcedure, CriterionScope
from controls.results.words import FREQUENCIES, FUNCTIONS, NATURES, title_of
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Given, Told
from tenants.api.problems import Problem


class CriterionTold(Told):
    """A criterion with our own title, and whether it is in scope."""

    title = serializers.SerializerMethodField()

    class Meta:
        model = CriterionScope
        fields = ("criterion", "title", "in_scope", "reason", "approver")

    def get_title(self, row: CriterionScope) -> str:
        """Return its title."""
        known = catalogue().criteria.get(row.criterion)
        return known.title if known else ""


class CriteriaAsked(Page):
    """Which criteria."""

    in_scope = serializers.BooleanField(required=False, allow_null=True, default=None)


@action("scope.read")
class Criteria(Listing):
    """List the criteria, and which are in scope."""

    names = {"GET": "list_criteria"}
    gives = CriterionTold
    query = CriteriaAsked
    orders = {"criterion": ("criterion",)}
    filters = {"in_scope": "in_scope"}

    def found(self) -> QuerySet[Any]:
        """Return every criterion."""
        return CriterionScope.objects.all()


class ProcedureTold(Told):
    """One test of a control."""

    class Meta:
        model = ControlProcedure
        fields = ("kind", "ref", "active_from", "active_until")


class ControlTold(Told):
    """A control of the client."""

    title = serializers.SerializerMethodField()
    procedures = ProcedureTold(many=True)

    class Meta:
        model = Control
        fields = (
            "id", "title", "statement", "criteria", "frequency", "nature", "key", "owner_function", "owner", "status",
            "in_operation_from", "version", "version_from", "design_reviewed", "procedures",
        )  # fmt: skip

    def get_title(self, control: Control) -> str:
        """Return the statement as a heading."""
        return title_of(control.statement)


_NATURES: Final = [
    (f"{one}-{two}", f"{NATURES[one]}, {NATURES[two]}") for one in ("P", "D", "C") for two in ("A", "M", "H")
]


def _legend(words: Mapping[str, str]) -> str:
    return ", ".join(f"{code}: {text}" for code, text in words.items())


class ControlChanged(Given):
    """What may be changed of a control; what is not sent stays."""

    example = {"nature": "D-A"}
    statement = serializers.CharField(required=False, min_length=10, max_length=1000)
    frequency = serializers.ChoiceField(
        required=False, choices=list(FREQUENCIES.items()), help_text=_legend(FREQUENCIES)
    )
    nature = serializers.ChoiceField(required=False, choices=_NATURES, help_text=_legend(NATURES))
    design_reviewed = serializers.DateField(required=False, allow_null=True, help_text="Not in the future.")
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="A person of the client's.")


class ControlGiven(Given):
    """A control of the client's own."""

    example = {
        "statement": "Each quarter the head of support reads a sample of closed tickets",
        "criteria": ["CC4.1"],
        "frequency": "Q",
        "nature": "D-M",
        "owner_function": "OPS",
    }
    statement = serializers.CharField(
        min_length=10, max_length=1000, help_text="What is done, in a sentence."
    )
    criteria = serializers.ListField(
        child=serializers.ChoiceField(
            choices=[(key, each.title) for key, each in catalogue().criteria.items()]
        ),
        min_length=1,
        max_length=20,
        help_text="Criteria in scope that it helps to meet.",
    )
    frequency = serializers.ChoiceField(choices=list(FREQUENCIES.items()), help_text=_legend(FREQUENCIES))
    nature = serializers.ChoiceField(choices=_NATURES, help_text=_legend(NATURES))
    key = serializers.BooleanField(required=False, default=False)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="A person of the client's.")
    owner_function = serializers.ChoiceField(choices=list(FUNCTIONS.items()), help_text=_legend(FUNCTIONS))


_ORDERS = {"id": ("id",), "-id": ("-id",)}


class ControlsAsked(Page):
    """Which controls."""

    criterion = serializers.CharField(required=False, max_length=6)
    status = serializers.ChoiceField(choices=Control.Status.choices, required=False)
    key = serializers.BooleanField(required=False, allow_null=True, default=None)
    owner = serializers.UUIDField(required=False)
    text = serializers.CharField(required=False, max_length=80, help_text="A part of the statement.")
    order = ordered(_ORDERS)


@action("control.read", POST="control.create")
class Controls(Listing):
    """List the client's controls."""

    names = {"GET": "list_controls", "POST": "create_control"}
    gives = ControlTold
    takes = {"POST": ControlGiven}
    statuses = {"POST": 201}
    query = ControlsAsked
    orders = _ORDERS
    filters = {"status": "status", "key": "key", "owner": "owner", "text": "statement__icontains"}

    def found(self) -> QuerySet[Any]:
        """Return every control, those of one criterion where it is named."""
        found = Control.objects.prefetch_related("procedures")
        criterion = self.asked.get("criterion")
        return found.filter(criteria__contains=[criterion]) if criterion else found

    def post(self, request: Request) -> Response:
        """Make a control of the client's own; it is planned until it is put in place."""
        given = self.body()
        if "owner" in given:
            self.must(Control(), "control.assign_owner")
        try:
            return self.told(create_control(**given, at=self.gate.at, by=self.person.pk))
        except Refused as refusal:
            raise Problem(422, str(refusal)) from refusal


@action("control.read", PATCH="control.edit")
class OneControl(Endpoint):
    """One control."""

    names = {"GET": "get_control", "PATCH": "edit_control"}
    gives = ControlTold
    takes = {"PATCH": ControlChanged}
    matched = ("PATCH",)

    def get(self, request: Request, control: str) -> Response:
        """Show one control."""
        return self.told(self.one(Control.objects.prefetch_related("procedures"), pk=control))

    def patch(self, request: Request, control: str) -> Response:
        """Change a control; other words make a new version of it."""
        given = self.body()
        found = self.locked(Control.objects.all(), "control.read", pk=control)
        at, by = self.gate.at, self.person.pk
        try:
            if "owner" in given:
                self.must(found, "control.assign_owner")
                found = assign_owner(found.pk, owner=given.pop("owner"), by=by, at=at)
            return self.told(edit_control(found.pk, given=given, by=by, at=at))
        except Refused as refusal:
            raise Problem(422, str(refusal)) from refusal


urlpatterns = [
    path("criteria/", Criteria.as_view(), name="api_criteria"),
    path("controls/", Controls.as_view(), name="api_controls"),
    path("controls/<str:control>/", OneControl.as_view(), name="api_control"),
]
