"""Mail through a real server: when it comes, to whom, what stands in it, and what a dead server costs."""

import datetime
import itertools
import logging
import threading
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from tenants.clients.models import Client
from tenants.members.models import Assignment, Membership, User
from tenants.notifications import sending
from tenants.notifications.models import Notification, NotificationSetting
from tenants.notifications.sending import BACKOFF, MOST_TRIES, send_due
from tenants.notifications.services import choose_mail, gather, mark_read, notify
from tests import make
from tests.tenants.notifications.postoffice import PostOffice, free_port, mailed_to, opened

AT = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """An open mail server, to which the portal mails."""
    found = PostOffice(free_port())
    with mailed_to(found), opened(found):
        yield found


@pytest.fixture
def shut() -> Iterator[PostOffice]:
    """A mail server that is not open yet."""
    found = PostOffice(free_port())
    with mailed_to(found, timeout=0.5):
        yield found


def told(
    user: User, client: Client | None, *, kind: str = "engagement_opened", n: int = 1, **more: Any
) -> None:
    notify(
        [user],
        **{
            "kind": kind,
            "subject": f"Thing {n}",
            "url": f"things/{n}/",
            "client": client,
            "at": AT,
            "dedup": str(n),
        }
        | more,
    )


def chosen(user: User, mail: str, *, hour: int = 7, zone: str = "UTC") -> None:
    choose_mail(user, mail=mail, digest_hour=hour, zone=zone, at=AT - DAY)


@pytest.mark.django_db
def test_a_mail_names_the_client_the_thing_and_where_to_look(office: PostOffice) -> None:
    harbor = make.bare_client("harbor", name="Harbor\r\nBcc: all@example.org")
    user = make.member("CA", harbor)
    chosen(user, "at_once")
    told(user, harbor, body="Type II, 2026")
    with override_settings(PROOFLINE_BASE_URL="https://soc.example"):
        assert send_due(at=AT) == 1
    (letter,) = office.letters
    assert letter["To"] == user.email
    assert letter["Subject"] == "Harbor Bcc: all@example.org: Thing 1"
    assert letter["Bcc"] is None
    assert letter["List-Unsubscribe"] == "<https://soc.example/notifications/settings/>"
    assert letter.get_content_type() == "text/plain"
    text = letter.get_content().replace("\r\n", "\n")
    assert "  Thing 1\n  Type II, 2026\n  https://soc.example/c/harbor/things/1/\n" in text
    assert "To be told otherwise: https://soc.example/notifications/settings/" in text
    row = Notification.objects.get()
    assert (row.mailed_at, row.mail_after, row.mail_tries) == (AT, None, 1)
    assert send_due(at=AT + DAY) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mail", "kind", "want"),
    [
        ("by_kind", "engagement_opened", 0),
        ("by_kind", "token_expires", 1),
        ("by_kind", "breakglass_opened", 1),
        ("at_once", "engagement_opened", 1),
        ("digest", "token_expires", 0),
        ("digest", "breakglass_opened", 1),
        ("off", "token_expires", 0),
        ("off", "breakglass_opened", 1),
    ],
)
def test_what_is_mailed_at_once_is_the_persons_choice_unless_it_cannot_wait(
    office: PostOffice, mail: str, kind: str, want: int
) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, mail)
    told(user, harbor, kind=kind)
    assert send_due(at=AT) == want
    assert len(office.letters) == want


@pytest.mark.django_db
def test_a_digest_is_one_mail_a_day_however_often_is_looked(office: PostOffice) -> None:
    harbor, larkfield = make.bare_client("harbor"), make.bare_client("larkfield")
    user = make.member("AN", harbor)
    Assignment.objects.create(user=user, client=larkfield)
    chosen(user, "digest", hour=7)
    sent = []
    at = AT
    # Five days of a thing each three hours at either client, looked at each quarter of an hour.
    for step in range(5 * 24 * 4):
        at = AT + step * 15 * MINUTE
        if step % 12 == 0:
            told(user, (harbor, larkfield)[step // 12 % 2], n=step, at=at)
        if send_due(at=at):
            sent.append(at)
    assert sent == [datetime.datetime(2026, 3, 3 + day, 7, tzinfo=datetime.UTC) for day in range(5)]
    assert [letter["Subject"] for letter in office.letters] == [
        f"Proofline: {n} notifications" for n in (7, 8, 8, 8, 8)
    ]
    text = office.letters[0].get_content()
    assert text.index("Harbor" if "Harbor" in text else "harbor") >= 0
    assert text.count("/c/harbor/things/") + text.count("/c/larkfield/things/") == 7
    assert Notification.objects.filter(mailed_at=None).count() == 1  # after seven on the last day
    assert at > sent[-1]


@pytest.mark.django_db
def test_what_came_just_before_the_hour_and_is_seen_after_the_digest_waits_a_day(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "digest", hour=7)
    seven = datetime.datetime(2026, 3, 3, 7, tzinfo=datetime.UTC)
    told(user, harbor, n=1)
    assert send_due(at=seven) == 1
    told(user, harbor, n=2, at=seven - MINUTE)  # committed late
    assert send_due(at=seven + MINUTE) == 0
    chosen(user, "digest", hour=9)  # a later hour of the same day gives no second mail either
    Notification.objects.filter(mailed_at=None).update(mail_after=seven)
    assert send_due(at=seven + 3 * HOUR) == 0
    assert send_due(at=seven + DAY + 2 * HOUR) == 1
    assert len(office.letters) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Europe/Berlin", "Pacific/Auckland"])
@pytest.mark.parametrize("hour", [0, 2, 7])
def test_a_digest_comes_once_a_day_at_the_persons_hour_when_clocks_change(
    office: PostOffice, name: str, hour: int
) -> None:
    zone = zoneinfo.ZoneInfo(name)
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    changes = [(2026, 3, 26), (2026, 10, 22)] if name == "Europe/Berlin" else [(2026, 4, 2), (2026, 9, 24)]
    for year, month, day in changes:
        Notification.objects.all().delete()
        start = datetime.datetime(year, month, day, 12, tzinfo=zone).astimezone(datetime.UTC)
        choose_mail(user, mail="digest", digest_hour=hour, zone=name, at=start)
        sent = []
        for step in range(6 * 24 * 2):
            at = start + step * 30 * MINUTE
            if step % 12 == 0:
                told(user, harbor, n=step, at=at, dedup=f"{month}-{step}")
            if send_due(at=at):
                sent.append(at.astimezone(zone))
        assert len(sent) == 6
        assert len({each.date() for each in sent}) == 6
        for each in sent:
            # On the day on which clocks skip two o'clock in Europe and New Zealand, it is three.
            skipped = each.hour == 3 and hour == 2 and each.replace(hour=2).astimezone(datetime.UTC) == each
            assert (each.hour == hour or skipped) and each.minute == 0  # noqa: PT018
        offsets = {each.utcoffset() for each in sent}
        assert len(offsets) == 2  # the change lay within


@pytest.mark.django_db
def test_what_was_read_in_the_portal_is_not_mailed_after_it(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "digest")
    told(user, harbor, n=1)
    told(user, harbor, n=2)
    mark_read(Notification.objects.filter(dedup__endswith="1"), at=AT)
    assert send_due(at=AT + DAY) == 1
    assert "Thing 2" in office.letters[0].get_content()
    assert "Thing 1" not in office.letters[0].get_content()


@pytest.mark.django_db
def test_a_new_choice_holds_for_what_waits(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "digest")
    told(user, harbor)
    assert send_due(at=AT) == 0
    choose_mail(user, mail="at_once", digest_hour=7, zone="UTC", at=AT + MINUTE)
    assert send_due(at=AT + MINUTE) == 1


# Who lost what ──────────────────────────────────────────────────────────────────────────────────────


def _membership_ended(user: User) -> None:
    Membership.objects.filter(user=user).update(active=False)


def _account_closed(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _assignment_ended(user: User) -> None:
    Assignment.objects.filter(user=user, client__slug="harbor").delete()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["engagement_opened", "breakglass_opened"])
@pytest.mark.parametrize(
    ("role", "loses"),
    [
        ("CA", _membership_ended),
        ("CA", _account_closed),
        ("AN", _assignment_ended),
        ("AN", _membership_ended),
    ],
)
def test_who_lost_a_client_is_mailed_nothing_of_it(
    office: PostOffice, role: str, loses: Any, kind: str
) -> None:
    harbor = make.bare_client("harbor", name="Harbor")
    user = make.member(role, harbor)
    chosen(user, "at_once")
    told(user, harbor, kind=kind)
    loses(user)
    assert send_due(at=AT) == 0
    assert office.letters == []
    assert Notification.objects.get().mail_after is None


@pytest.mark.django_db
def test_a_mail_tells_only_of_the_clients_that_one_still_has(office: PostOffice) -> None:
    harbor, larkfield = make.bare_client("harbor", name="Harbor"), make.bare_client("larkfield")
    user = make.member("AN", harbor)
    Assignment.objects.create(user=user, client=larkfield)
    chosen(user, "digest")
    told(user, harbor, n=1)
    told(user, larkfield, n=2)
    _assignment_ended(user)
    assert send_due(at=AT + DAY) == 1
    (letter,) = office.letters
    assert "harbor" not in str(letter).lower()
    assert "Thing 1" not in str(letter)
    assert "larkfield" in str(letter)


@pytest.mark.django_db
def test_an_auditor_is_mailed_between_the_dates_of_access_alone(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    today = AT.date()
    day = datetime.timedelta(days=1)
    expected = {}
    for name, access in {
        "before": (today + day, today + 30 * day),
        "within": (today, today),
        "after": (today - 30 * day, today - day),
    }.items():
        user = make.auditor(harbor, access=access)
        chosen(user, "at_once")
        told(user, harbor)
        expected[user.email] = name == "within"
    send_due(at=AT)
    assert {address: bool(office.of(address)) for address in expected} == expected


@pytest.mark.django_db
def test_who_may_not_know_of_a_kind_any_more_is_not_mailed_it(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "at_once")
    told(user, harbor, kind="breakglass_opened")
    Membership.objects.filter(user=user).update(role="EM")
    assert send_due(at=AT) == 0


# Floods ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_flood_is_one_notification_and_at_most_one_mail_an_hour(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "at_once")
    for step in range(120):
        at = AT + step * MINUTE
        gather(
            [user],
            kind="token_expires",
            subject=f"Thing {step}",
            url=f"things/{step}/",
            list_url="things/",
            count=100,
            client=harbor,
            at=at,
            dedup=str(step),
        )
        send_due(at=at)
    assert len(office.letters) == 2
    rows = Notification.objects.order_by("created_at")
    assert len(rows) <= 3
    assert sum(row.count for row in rows) == 12_000


# A server that fails ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_dead_server_loses_nothing_however_long(shut: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    harbor = make.bare_client("harbor")
    people = [make.member("CA", harbor) for _ in range(3)]
    for user in people:
        chosen(user, "at_once")
        told(user, harbor)
    for hours in range(100):
        assert send_due(at=AT + hours * HOUR) == 0
    assert "the mail server cannot be reached" in caplog.text
    assert set(Notification.objects.values_list("mailed_at", "mail_tries")) == {(None, 0)}
    with opened(shut):
        assert send_due(at=AT + 100 * HOUR) == 3
    assert {letter["To"] for letter in shut.letters} == {user.email for user in people}
    with opened(shut):
        assert send_due(at=AT + 101 * HOUR) == 0


@pytest.mark.django_db
def test_a_refused_mail_is_tried_again_ever_later_then_given_up_and_keeps_nobody_waiting(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    harbor = make.bare_client("harbor")
    bad, good = make.member("CA", harbor), make.member("CA", harbor)
    office.refuses.add(bad.email)
    for user in (bad, good):
        chosen(user, "at_once")
        told(user, harbor)
    at, tried = AT, []
    for _ in range(7 * 24 * 60):
        before = Notification.objects.get(user=bad).mail_tries
        send_due(at=at)
        if Notification.objects.get(user=bad).mail_tries > before:
            tried.append(at)
        due = Notification.objects.get(user=bad).mail_after
        if due is None:
            break
        at = due
    assert len(office.of(good.email)) == 1
    assert [later - earlier for earlier, later in itertools.pairwise(tried)] == list(BACKOFF)
    row = Notification.objects.get(user=bad)
    assert (row.mail_tries, row.mailed_at, row.mail_after) == (MOST_TRIES, None, None)
    assert "is given up" in caplog.text
    # The server's words repeat the address; the log does not.
    assert bad.email not in caplog.text


@pytest.mark.django_db
def test_a_digest_that_failed_is_tried_again_the_same_day(office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "digest")
    told(user, harbor)
    office.refuses.add(user.email)
    seven = datetime.datetime(2026, 3, 3, 7, tzinfo=datetime.UTC)
    assert send_due(at=seven) == 0
    office.refuses.clear()
    assert send_due(at=seven) == 0  # not yet
    assert send_due(at=seven + MINUTE) == 1
    assert NotificationSetting.objects.get().digested_at == seven + MINUTE


@pytest.mark.django_db
def test_a_slow_server_is_left_in_time_and_asked_again(shut: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "at_once")
    told(user, harbor)
    with opened(shut):
        shut.slow = 1.5
        assert send_due(at=AT) == 0
        shut.slow = 0
        assert send_due(at=AT + MINUTE) == 1


@pytest.mark.django_db
def test_a_sender_that_died_after_claiming_loses_nothing(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    chosen(user, "at_once")
    told(user, harbor)
    sending._claim(user.pk, AT)  # and nothing after it
    assert send_due(at=AT) == 0
    assert send_due(at=AT + MINUTE) == 1


def test_two_senders_at_once_send_each_mail_once(own_database: str, office: PostOffice) -> None:
    harbor = make.bare_client("harbor")
    people = [make.member("CA", harbor) for _ in range(12)]
    for number, user in enumerate(people):
        chosen(user, "at_once" if number % 2 else "digest")
        told(user, harbor)
    start = threading.Barrier(4)
    sent: list[int] = []

    def run() -> None:
        try:
            start.wait()
            sent.append(send_due(at=AT + DAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(sent) == len(people)
    assert sorted(letter["To"] for letter in office.letters) == sorted(user.email for user in people)


def test_urgent_mail_is_announced_after_the_commit_and_not_before(
    own_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    from django.db import transaction

    from tenants.notifications.tasks import send_mails

    harbor = make.bare_client("harbor")
    user = make.member("CA", harbor)
    announced: list[object] = []
    original = send_mails.apply_async
    send_mails.apply_async = lambda *args, **kwargs: announced.append(kwargs)
    try:
        with transaction.atomic():
            told(user, harbor, kind="breakglass_opened")
            assert announced == []
        assert len(announced) == 1
        told(user, harbor, kind="engagement_opened")
        assert len(announced) == 1
    finally:
        send_mails.apply_async = original
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
