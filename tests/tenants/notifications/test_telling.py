"""Telling people: each once, on one line, with a way to nowhere else."""

import datetime

import pytest

from tenants.notifications.kinds import Kind, UnknownKindError, kinds, register
from tenants.notifications.models import Notification
from tenants.notifications.services import notify
from tests import make

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)


def test_the_same_thing_is_told_to_each_person_once() -> None:
    harbor, larkfield = make.bare_client("harbor"), make.bare_client("larkfield")
    one, other = make.person("One"), make.person("Other")
    for client in (harbor, larkfield, harbor):
        for people in ((one,), (one, other, one)):
            notify(
                people, kind="engagement_opened", subject="Type II opened", client=client, at=AT, dedup="7"
            )
    told = Notification.objects.values_list("user__full_name", "client__slug")
    assert sorted(told) == [(n, c) for n in ("One", "Other") for c in ("harbor", "larkfield")]


def test_a_closed_account_is_told_nothing() -> None:
    gone = make.person()
    gone.is_active = False
    notify([gone], kind="engagement_opened", subject="x", client=None, at=AT, dedup="1")
    assert not Notification.objects.exists()


def test_what_may_not_wait_is_urgent_whoever_tells_it() -> None:
    person = make.person()
    notify([person], kind="breakglass_opened", subject="x", at=AT, dedup="1")
    notify([person], kind="engagement_opened", subject="x", at=AT, dedup="1", urgent=True)
    notify([person], kind="engagement_opened", subject="x", at=AT, dedup="2")
    found = Notification.objects.order_by("kind", "dedup").values_list("kind", "urgent")
    assert list(found) == [
        ("breakglass_opened", True),
        ("engagement_opened", True),
        ("engagement_opened", False),
    ]


def test_a_subject_is_one_printable_line_and_a_long_dedup_still_tells_apart() -> None:
    person = make.person()
    for end in "ab":
        notify(
            [person],
            kind="engagement_opened",
            subject="Opened\r\nBcc: all@example.org\x00" + "x" * 300,
            body="\x00words\x00",
            at=AT,
            dedup="d" * 200 + end,
        )
    first, second = Notification.objects.all()
    assert first.subject.startswith("Opened Bcc: all@example.org x")
    assert len(first.subject) == 200
    assert first.body == "words"
    assert first.dedup != second.dedup


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/exceptions/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "a//b",
        "../larkfield/",
        "exceptions/\nLocation: x",
        "exceptions/\x00",
    ],
)
def test_a_notification_leads_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="no path below"):
        notify([make.person()], kind="engagement_opened", subject="x", url=url, at=AT, dedup="1")


def test_a_kind_is_registered_once_and_by_an_action_of_the_policy() -> None:
    with pytest.raises(UnknownKindError, match="made_up"):
        notify([make.person()], kind="made_up", subject="x", at=AT, dedup="1")
    with pytest.raises(ValueError, match="twice"):
        register(kinds()[0])
    with pytest.raises(LookupError, match=r"made\.up"):
        register(Kind("made_up", "Made up", "made.up"))
