"""How many requests a token, and a person in a session, may make each minute."""

from datetime import datetime

from django.conf import settings
from django.db import connection
from django.http import HttpResponse

from tenants.api.problems import problem

_COUNT = """
    insert into tenants_apiuse (who, minute, requests) values (%s, %s, 1)
    on conflict (who) do update set minute = excluded.minute,
        requests = case when tenants_apiuse.minute = excluded.minute then tenants_apiuse.requests + 1 else 1 end
    returning requests
"""


def over_limit(who: str, *, at: datetime) -> HttpResponse | None:
    """Count one request of `who` (`token:…`, `person:…`); answer 429 where it is one too many, else None.

    Called before an auditor's transaction becomes read-only. One statement counts, so that many at once are
    counted right.
    """
    limit = settings.PROOFLINE_API_REQUESTS_PER_MINUTE
    minute, second = divmod(int(at.timestamp()), 60)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [who[:45], minute])
        requests = cursor.fetchone()[0]
    if requests <= limit:
        return None
    wait = 60 - second
    return problem(
        429,
        f"At most {limit} requests are answered each minute. Try again in {wait} s.",
        headers={"Retry-After": str(wait)},
    )
