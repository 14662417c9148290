"""Being told in time that an API token expires."""

import datetime

import pytest

from tenants.apitokens.services import create, revoke
from tenants.apitokens.telling import tell_expiring
from tenants.clients.models import Client
from tenants.notifications.models import Notification
from tests import make

AT = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("days", "want"), [(90, [14, 3]), (15, [14, 3]), (14, [3]), (4, [3]), (3, []), (1, [])]
)
def test_a_token_is_told_of_fourteen_and_three_days_before_where_it_lasts_longer(
    harbor: Client, days: int, want: list[int]
) -> None:
    user = make.member("CA", harbor)
    token = create(user, client=harbor, name="Export", role="CA", at=AT, days=days).token
    for hours in range(0, (days + 2) * 24, 6):
        tell_expiring(at=AT + datetime.timedelta(hours=hours))
    rows = Notification.objects.order_by("created_at")
    assert [(token.expires_at - row.created_at) / DAY for row in rows] == want
    assert {row.user for row in rows} <= {user}
    assert all(token.prefix in row.subject for row in rows)


def test_a_revoked_or_expired_token_is_not_told_of(harbor: Client) -> None:
    user = make.member("CA", harbor)
    first = create(user, client=harbor, name="Export", role="CA", at=AT).token
    revoke(first, by=user, at=AT)
    tell_expiring(at=first.expires_at - DAY)
    second = create(user, client=harbor, name="Export", role="CA", at=AT).token
    tell_expiring(at=second.expires_at)
    assert not Notification.objects.exists()
