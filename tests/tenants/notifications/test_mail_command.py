"""`manage.py mail` says what waits and takes up again what was given up."""

import datetime

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from tenants.notifications.models import Notification
from tenants.notifications.sending import MOST_TRIES, send_due
from tenants.notifications.services import choose_mail, notify
from tests import make
from tests.tenants.notifications.postoffice import PostOffice, free_port, mailed_to, opened

pytestmark = pytest.mark.django_db


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    call_command("mail", *args)
    return capsys.readouterr().out.splitlines()


def test_what_waits_is_counted_and_what_was_given_up_is_sent_after_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys) == ["0 due", "0 for a later daily mail", "0 given up"]
    harbor, now = make.bare_client("harbor"), timezone.now()
    user, later = make.member("CA", harbor), make.member("CA", harbor)
    at = now - datetime.timedelta(days=4)
    choose_mail(user, mail="at_once", digest_hour=7, zone="UTC", at=at)
    for each in (user, later):
        notify([each], kind="engagement_opened", subject="Opened", client=harbor, at=at, dedup="1")
    Notification.objects.filter(user=later).update(mail_after=now + datetime.timedelta(hours=5))
    assert printed(capsys) == [
        f"1 due, the oldest since {at:%Y-%m-%d %H:%M} UTC",
        "1 for a later daily mail",
        "0 given up",
    ]
    office = PostOffice(free_port(), refuses={user.email})
    with mailed_to(office), opened(office):
        for _ in range(MOST_TRIES):
            due = Notification.objects.get(user=user).mail_after
            assert due is not None
            send_due(at=due)
        assert printed(capsys)[2] == "1 given up"
        assert printed(capsys, "--retry") == ["1 will be tried again within a minute."]
        office.refuses.clear()
        send_due(at=timezone.now())
    assert len(office.of(user.email)) == 1
    assert printed(capsys)[2] == "0 given up"


def test_people_see_it_by_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    harbor = make.bare_client("harbor")
    analyst, client_admin = make.member("AN", harbor), make.member("CA", harbor)
    assert printed(capsys, "--as", analyst.email)[0] == "0 due"
    with pytest.raises(CommandError, match="may not do this"):
        call_command("mail", "--as", client_admin.email)
    with pytest.raises(CommandError, match="may not do this"):
        call_command("mail", "--retry", "--as", analyst.email)
