"""Two administrators who bring each other down at the same instant."""

import pytest

from tenants.members.changes import seen_of
from tenants.members.models import Membership
from tests import make
from tests.tenants.reading import together


@pytest.mark.parametrize("role", ["MA", "CA"])
def test_one_administrator_stays(own_database: str, role: str) -> None:
    at = make.client("harbor") if role == "CA" else None
    pair = [make.member(role, at) for _ in range(2)]
    rows = [each.memberships.get() for each in pair]
    browsers = [make.stepped_up(each) for each in pair]
    answers = together(
        *[
            lambda who=who: (
                browsers[who]
                .post(
                    f"{'/c/harbor/settings/people' if at else '/staff'}/{rows[1 - who].pk}/deactivate/",
                    {"seen": seen_of(rows[1 - who])},
                )
                .status_code
            )
            for who in range(2)
        ]
    )
    assert Membership.objects.filter(role=role, active=True).count() == 1
    assert answers[0] == 302
    assert answers[1] >= 400
