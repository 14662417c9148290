"""Rules, and the client's settings of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controls.exceptions.states import SEVERITIES
from controls.results.models import RuleSetting
from controls.rules.language import Rule, effective_settings
from controls.rules.registry import rule_by_id, rules
from controls.rules.services import Refused, set_rule, setting_of
from evidence.ledger.services import hold
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.api.endpoint import Endpoint
from tenants.api.fields import Given, Instant
from tenants.api.problems import Problem


class SettingTold(serializers.Serializer[Any]):
    """One setting that a rule takes."""

    type = serializers.CharField()
    default = serializers.JSONField()
    help = serializers.CharField()


class RuleTold(serializers.Serializer[Any]):
    """A rule of this installation."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    version = serializers.CharField()
    kind = serializers.CharField()
    severity = serializers.ChoiceField(choices=SEVERITIES)
    criteria = serializers.ListField(child=serializers.CharField(), source="soc2.criteria")
    sources = serializers.ListField(child=serializers.CharField())
    not_judged = serializers.CharField(
        source="why_not_judged", help_text="Why it has no results; empty where it has."
    )
    settings = serializers.DictField(child=SettingTold())


class RulesTold(serializers.Serializer[Any]):
    """Every rule; they fit one page."""

    items = RuleTold(many=True)
    next = serializers.URLField(allow_null=True)


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule's settings as they are at the client: its own, else the rule's defaults."""

    rule: Rule
    row: RuleSetting | None

    @property
    def enabled(self) -> bool:
        """Whether it judges."""
        return self.row is None or self.row.enabled

    @property
    def values(self) -> dict[str, object]:
        """Every setting's value."""
        return effective_settings(self.rule, self.row.values if self.row else {})


class InForceTold(serializers.Serializer[Any]):
    """The settings in force; they judge what happens after `valid_from`."""

    rule = serializers.CharField(source="rule.id")
    enabled = serializers.BooleanField()
    values = serializers.DictField(child=serializers.JSONField())
    valid_from = Instant(source="row.valid_from", default=None, allow_null=True)
    by = serializers.UUIDField(source="row.by", default=None, allow_null=True)


class SettingsGiven(Given):
    """Whether the rule judges, and its values; a setting that is not sent takes its default."""

    example = {"enabled": True, "values": {"break_glass": "exclude"}}
    enabled = serializers.BooleanField()
    values = serializers.DictField(child=serializers.JSONField())


def _rule(gate: Gate, rule: str, name: str | None = None) -> Rule:
    found = rule_by_id(rule)
    if found is None:
        raise Http404
    gate.check(found, name)
    return found


@action("rule.read")
class Rules(Endpoint):
    """Every rule."""

    names = {"GET": "list_rules"}
    gives = RulesTold

    def get(self, request: Request) -> Response:
        """List the rules of this installation."""
        shown: Sequence[Rule] = self.gate.only(rules())
        return self.told({"items": shown, "next": None})


@action("rule.read")
class OneRule(Endpoint):
    """One rule."""

    names = {"GET": "get_rule"}
    gives = RuleTold

    def get(self, request: Request, rule: str) -> Response:
        """Show one rule."""
        return self.told(_rule(self.gate, rule))


@action("rule.read", PUT="rule.setting")
class Settings(Endpoint):
    """The client's settings of a rule."""

    names = {"GET": "get_rule_settings", "PUT": "set_rule_settings"}
    gives = InForceTold
    takes = {"PUT": SettingsGiven}
    matched = ("PUT",)

    def get(self, request: Request, rule: str) -> Response:
        """Show the settings in force."""
        found = _rule(self.gate, rule)
        return self.told(InForce(found, setting_of(found)))

    def put(self, request: Request, rule: str) -> Response:
        """Change the settings from now on; what happened before stays judged as it was."""
        given = self.body()
        found = _rule(self.gate, rule, "rule.read")
        self.must(found)
        hold()
        now = InForce(found, setting_of(found))
        self.matches(now)
        if given["enabled"] != now.enabled:
            self.must(found, "rule.enable")
        try:
            row = set_rule(found, **given, at=self.gate.at, by=self.person.pk)
        except Refused as refusal:
            raise Problem(422, str(refusal)) from refusal
        return self.told(InForce(found, row))


urlpatterns = [
    path("rules/", Rules.as_view(), name="api_rules"),
    path("rules/<str:rule>/", OneRule.as_view(), name="api_rule"),
    path("rules/<str:rule>/settings/", Settings.as_view(), name="api_rule_settings"),
]
