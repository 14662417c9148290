"""Each read of an auditor or in break-glass, written down before the answer leaves."""

import datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.access.models import ReadLogEntry
from tenants.access.policy import Standing
from tenants.members.models import User


def record_read(
    request: HttpRequest, response: HttpResponseBase, *, place: Standing, action: str, at: datetime.datetime
) -> ReadLogEntry:
    """Write one entry: who read which address under which action, and how much was answered; never the content.

    It is a transaction of its own on the ordinary connection, after the read-only one of the request. An error here
    must reach the caller: an answer that could not be logged is not sent.
    """
    assert isinstance(place.principal, User)
    assert place.client is not None
    size = None if response.streaming else len(response.content)
    return ReadLogEntry.objects.create(
        time=at,
        user=place.principal,
        client=place.client,
        engagement=place.engagement,
        breakglass=place.breakglass,
        action=action[:40],
        path=request.get_full_path()[:500],
        status=response.status_code,
        size=size,
    )
