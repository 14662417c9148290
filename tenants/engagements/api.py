"""Audits, read."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing
from tenants.api.fields import Told
from tenants.engagements.models import Engagement


class EngagementTold(Told):
    """An audit: firm, type, date or period, when its people may read."""

    class Meta:
        model = Engagement
        fields = (
            "id", "firm", "kind", "as_of", "period_start", "period_end", "access_from", "access_until", "categories",
            "closed_at",
        )  # fmt: skip


@action("engagement.read")
class Engagements(Listing):
    """List the client's audits."""

    names = {"GET": "list_engagements"}
    gives = EngagementTold
    orders = {"-access_from": ("-access_from", "id")}

    def found(self) -> QuerySet[Any]:
        """Return the audits of the client."""
        return Engagement.objects.filter(client=self.client)


@action("engagement.read")
class OneEngagement(Endpoint):
    """Show one audit."""

    names = {"GET": "get_engagement"}
    gives = EngagementTold

    def get(self, request: Request, engagement: uuid.UUID) -> Response:
        """Show one audit."""
        return self.told(self.one(Engagement.objects.filter(client=self.client), pk=engagement))


urlpatterns = [
    path("engagements/", Engagements.as_view(), name="api_engagements"),
    path("engagements/<uuid:engagement>/", OneEngagement.as_view(), name="api_engagement"),
]
