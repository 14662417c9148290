"""What controls came to over a period, and the members behind the figures."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controls.catalogue.models import Control
from controls.catalogue.selectors import in_scope
from controls.results.models import Occurrence
from controls.results.period import ControlResult, Outcome, control_result, control_results
from controls.results.words import RESULTS
from evidence.coverage.states import State
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Hex, Told
from tenants.api.periods import DaysAsked, days_asked

_OUTCOMES = [(each.value, each.value) for each in Outcome]


class ProcedureResultTold(serializers.Serializer[Any]):
    """One test of a control over the period: population = passed + failed + unknown."""

    kind = serializers.CharField(source="procedure.kind")
    rule = serializers.CharField(source="rule_id")
    rule_version = serializers.CharField()
    outcome = serializers.ChoiceField(choices=_OUTCOMES)
    why = serializers.CharField(help_text="Why it was not tested; empty where it was.")
    population = serializers.IntegerField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField(), help_text="Unknown members by reason.")
    sources = serializers.ListField(child=serializers.CharField())
    covered_days = serializers.IntegerField()
    gap_days = serializers.SerializerMethodField()

    def get_gap_days(self, result: Any) -> int:
        """Count the days on which nothing was received."""
        return result.days_in(State.GAP)


class ResultTold(serializers.Serializer[Any]):
    """What a control came to: the worst of its procedures."""

    control = serializers.CharField(source="control.pk")
    outcome = serializers.ChoiceField(choices=_OUTCOMES)
    procedures = ProcedureResultTold(many=True)


class ControlResultTold(serializers.Serializer[Any]):
    """What a control came to over a period."""

    start = serializers.DateField()
    end = serializers.DateField()
    result = ResultTold()


class ResultsTold(serializers.Serializer[Any]):
    """What every control in scope came to over a period."""

    start = serializers.DateField()
    end = serializers.DateField()
    results = ResultTold(many=True)


@action("result.read")
class Results(Endpoint):
    """What every control in scope came to."""

    names = {"GET": "get_results"}
    gives = ResultsTold
    query = DaysAsked

    def get(self, request: Request) -> Response:
        """Show what every control in scope came to over a period."""
        period = days_asked(self.asked, gate=self.gate, client=self.client)
        controls = (
            Control.objects.exclude(status=Control.Status.RETIRED)
            .filter(criteria__overlap=list(in_scope()))
            .prefetch_related("procedures")
        )
        results: list[ControlResult] = control_results(self.gate.only(controls), period, at=self.gate.at)
        return self.told({"start": period.start, "end": period.end, "results": results})


@action("result.read")
class OneResult(Endpoint):
    """What one control came to."""

    names = {"GET": "get_result"}
    gives = ControlResultTold
    query = DaysAsked

    def get(self, request: Request, control: str) -> Response:
        """Show what one control came to over a period."""
        found = self.one(Control.objects.prefetch_related("procedures"), pk=control)
        period = days_asked(self.asked, gate=self.gate, client=self.client)
        result = control_result(found, period, at=self.gate.at)
        return self.told({"start": period.start, "end": period.end, "result": result})


class MemberOfPopulationTold(Told):
    """One thing that a rule looked at and judged."""

    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]
    uid = Hex(allow_null=True)
    exception = serializers.SerializerMethodField()

    class Meta:
        model = Occurrence
        fields = (
            "member_id", "time", "local_date", "source", "batch", "seq", "uid", "action", "actor_key", "target_key",
            "result", "reason", "note", "severity", "rule", "rule_version", "judged_at", "late", "exception",
        )  # fmt: skip

    def get_exception(self, row: Occurrence) -> str | None:
        """Return the number of its exception."""
        return row.exception.number if row.exception else None


_ORDERS = {"-time": ("-local_date", "-time", "-id"), "time": ("local_date", "time", "id")}


class MembersAsked(Page, DaysAsked):
    """Which members, over which days."""

    result = serializers.ChoiceField(choices=[(key, key) for key in RESULTS], required=False)
    reason = serializers.CharField(required=False, max_length=12)
    account = serializers.CharField(required=False, max_length=300, help_text="The whole key of the actor.")
    order = ordered(_ORDERS)


@action("population.read")
class Members(Listing):
    """List the members of a population over a period."""

    names = {"GET": "list_population"}
    gives = MemberOfPopulationTold
    query = MembersAsked
    orders = _ORDERS
    filters = {"result": "result", "reason": "reason", "account": "actor_key"}

    def found(self) -> QuerySet[Any]:
        """Return the members that one procedure of a control judged."""
        control = self.one(Control.objects.all(), pk=self.kwargs["control"])
        if not control.procedures.filter(ref=self.kwargs["rule"]).exists():
            raise Http404
        period = days_asked(self.asked, gate=self.gate, client=self.client)
        inside = Q(local_date__range=(period.start, period.end), result__in=tuple(RESULTS))
        return Occurrence.objects.filter(inside, rule=self.kwargs["rule"]).select_related(
            "source", "exception"
        )

    def shown(self, rows: list[Any]) -> list[Any]:
        """Return every member: the control was asked about, and the days are within an auditor's."""
        return rows


urlpatterns = [
    path("results/", Results.as_view(), name="api_results"),
    path("controls/<str:control>/result/", OneResult.as_view(), name="api_result"),
    path("controls/<str:control>/<str:rule>/members/", Members.as_view(), name="api_population"),
]
