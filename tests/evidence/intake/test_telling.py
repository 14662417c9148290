"""Who is told of refused deliveries and of tokens that expire."""

import datetime

import pytest

from evidence.batches.models import Batch
from evidence.intake.ingest import finish
from evidence.intake.models import Delivery, IntakeToken
from evidence.intake.services import RECEIVING_LIMIT, give_up_receiving
from evidence.intake.sources import connect, issue_token, revoke_token
from evidence.intake.telling import tell_expiring
from tenants.clients.models import Client
from tenants.notifications.models import Notification
from tests import make

AT = make.NOON
DAY = datetime.timedelta(days=1)


def told(kind: str) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(kind=kind).order_by("created_at", "user__email")
    return [(row.user.full_name, row.subject, row.url) for row in rows.select_related("user")]


def test_whoever_gave_a_delivery_is_told_that_it_was_refused(harbor: Client) -> None:
    giver = make.member("AN", harbor)
    make.member("CA", harbor)
    make.take_in(make.lines([make.sign_in("root")]), at=AT)
    delivery = Delivery.objects.get()
    Batch.objects.update(state=Batch.State.REFUSED, reason="RuntimeError: secret words of root")
    Delivery.objects.update(by=giver.pk, state=Delivery.State.RECEIVED)
    delivery.refresh_from_db()
    for _ in range(2):
        finish(delivery, at=AT)
    assert told("delivery_refused") == [
        (giver.full_name, "A delivery for aws was refused", f"deliveries/{delivery.pk}/")
    ]
    assert Notification.objects.get(kind="delivery_refused").body == ""


def test_of_a_transfer_that_was_cut_off_and_that_no_person_gave_the_clients_people_are_told(
    harbor: Client,
) -> None:
    people = {make.member(role, harbor).full_name for role in ("CA", "AN")}
    make.member("CO", harbor)
    source = connect("aws", at=AT)
    Delivery.objects.create(source=source, way="ingest", name="x.json", started_at=AT)
    assert give_up_receiving(at=AT) == 0
    later = AT + RECEIVING_LIMIT + DAY
    assert give_up_receiving(at=later) == 1
    assert give_up_receiving(at=later) == 0
    assert {name for name, _, _ in told("delivery_refused")} == people


def test_a_token_of_a_source_is_told_of_fourteen_and_three_days_before(harbor: Client) -> None:
    administrator = make.member("CA", harbor)
    source = connect("aws", at=AT)
    issue_token(source, at=AT, by=None)
    token = IntakeToken.objects.get()
    told_on = {}
    before = 0
    for hours in range(0, 380 * 24, 6):
        at = AT + datetime.timedelta(hours=hours)
        tell_expiring(at=at)
        count = Notification.objects.count()
        if count > before:
            told_on[token.expires_at - at] = Notification.objects.latest("created_at").subject
        before = count
    assert told_on == {
        14 * DAY: f"Token {token.prefix} of aws expires within 14 days",
        3 * DAY: f"Token {token.prefix} of aws expires within 3 days",
    }
    assert set(Notification.objects.values_list("user", flat=True)) == {administrator.pk}


def test_a_revoked_token_is_not_told_of(harbor: Client) -> None:
    make.member("CA", harbor)
    issue_token(connect("aws", at=AT), at=AT, by=None)
    token = IntakeToken.objects.get()
    revoke_token(token, at=AT)
    tell_expiring(at=token.expires_at - DAY)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("missed", [10 * DAY, 2 * DAY])
def test_after_an_outage_the_nearest_warning_alone_is_given(
    harbor: Client, missed: datetime.timedelta
) -> None:
    make.member("CA", harbor)
    issue_token(connect("aws", at=AT), at=AT, by=None)
    token = IntakeToken.objects.get()
    tell_expiring(at=token.expires_at - missed)
    assert Notification.objects.count() == 1
