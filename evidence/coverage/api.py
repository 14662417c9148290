"""What was heard of a source, day by day."""

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.coverage.states import State, listing_of, source_days
from evidence.intake.models import Source
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint
from tenants.api.periods import DaysAsked, days_asked


class DayTold(serializers.Serializer[Any]):
    """One client-zone day: whether something was heard, and how much."""

    local_date = serializers.DateField()
    state = serializers.ChoiceField(choices=[(each.value, each.value) for each in State])
    events = serializers.IntegerField()
    records = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()


class CoverageTold(serializers.Serializer[Any]):
    """The days of a source's events, and of its listings of accounts."""

    source = serializers.SlugField()  # type: ignore[assignment]
    start = serializers.DateField()
    end = serializers.DateField()
    days = DayTold(many=True)
    listings = DayTold(many=True)


@action("coverage.read")
class Coverage(Endpoint):
    """The days of a source."""

    names = {"GET": "get_coverage"}
    gives = CoverageTold
    query = DaysAsked

    def get(self, request: Request, slug: str) -> Response:
        """Show what was heard of a source on each day."""
        source = self.one(Source.objects.all(), slug=slug)
        period = days_asked(self.asked, gate=self.gate, client=self.client)
        found = source_days(source, period, at=self.gate.at)
        return self.told(
            {
                "source": source.slug,
                "start": period.start,
                "end": period.end,
                "days": found[source.slug],
                "listings": found[listing_of(source.slug)],
            }
        )


urlpatterns = [path("sources/<slug:slug>/days/", Coverage.as_view(), name="api_coverage")]
