"""Who is told of exceptions, and how often: a flood is one notification for each person and kind."""

import datetime

import pytest
from django.utils import timezone

from controls.catalogue.models import Control
from controls.exceptions import telling
from controls.exceptions.models import ControlException
from controls.exceptions.services import act
from controls.exceptions.telling import tell_late, tell_opened
from evidence.intake.models import Delivery
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.members.models import User
from tenants.notifications.models import Notification
from tests import make

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def roots(days: int, each: int = 1, *, start: int = 0) -> bytes:
    """Sign-ins of root, which always fail: an exception for each day."""
    now = timezone.now().replace(microsecond=0)
    return make.lines(
        make.sign_in("root", at=now - (start + day) * DAY - datetime.timedelta(minutes=5), n=n)
        for day in range(days)
        for n in range(each)
    )


def told(kind: str = "exception_opened") -> list[tuple[str, int]]:
    return sorted(Notification.objects.filter(kind=kind).values_list("user__full_name", "count"))


def _called(user: User, name: str) -> User:
    User.objects.filter(pk=user.pk).update(full_name=name)
    user.full_name = name
    return user


@pytest.fixture
def people(harbor: Client) -> dict[str, User]:
    """An assigned analyst and administrator, an owner of the control, and people whom it does not concern."""
    with public():
        elsewhere = _called(make.member("AN", make.bare_client("larkfield")), "elsewhere")
    found = {
        "analyst": _called(make.member("AN", harbor), "analyst"),
        "boss": _called(make.member("MA", harbor), "boss"),
        "owner": _called(make.member("CO", harbor), "owner"),
        "other": _called(make.member("CO", harbor), "other"),
        "CA": _called(make.member("CA", harbor), "CA"),
        "elsewhere": elsewhere,
        "gone": _called(make.member("AN", harbor), "gone"),
    }
    found["gone"].memberships.update(active=False)
    Control.objects.filter(pk="AC-01").update(owner=found["owner"].pk)
    return found


def test_one_upload_of_ten_thousand_failing_members_tells_each_person_once(
    harbor: Client, people: dict[str, User]
) -> None:
    outcome = make.take_in(roots(200, 50), at=timezone.now())
    assert (outcome.events, outcome.exceptions) == (10_000, 200)
    assert set(ControlException.objects.values_list("severity", flat=True)) <= {"critical", "high"}
    assert told() == [("analyst", 200), ("boss", 200), ("owner", 200)]
    row = Notification.objects.filter(user=people["analyst"]).get()
    assert (row.subject, row.url) == ("200 critical or high exceptions opened", "exceptions/")
    tell_opened(at=timezone.now())
    assert told() == [("analyst", 200), ("boss", 200), ("owner", 200)]


def test_many_uploads_grow_what_is_not_read_yet(harbor: Client, people: dict[str, User]) -> None:
    for number in range(10):
        make.take_in(roots(20, start=20 * number), name=f"{number}.json", at=timezone.now())
    assert told() == [("analyst", 200), ("boss", 200), ("owner", 200)]
    Notification.objects.filter(user=people["boss"]).update(read_at=timezone.now())
    make.take_in(roots(1, start=300), name="later.json", at=timezone.now())
    assert told() == [("analyst", 201), ("boss", 1), ("boss", 200), ("owner", 201)]


def test_one_exception_is_named_and_led_to(harbor: Client, people: dict[str, User]) -> None:
    make.take_in(roots(1), at=timezone.now())
    exception = ControlException.objects.get()
    row = Notification.objects.get(user=people["owner"])
    assert row.subject == f"Exception {exception.number} opened: {exception.severity}"
    assert row.url == f"exceptions/{exception.number}/"
    # Neither name of an account nor anything else of the evidence leaves the client's schema.
    assert "root" not in f"{row.subject}{row.body}".lower()


def test_what_was_opened_long_before_the_first_time_is_not_told(
    harbor: Client, people: dict[str, User]
) -> None:
    make.take_in(roots(5, start=3), at=timezone.now() - 2 * DAY)
    assert told() == []
    make.take_in(roots(1, start=9), name="today.json", at=timezone.now())
    assert told() == [("analyst", 1), ("boss", 1), ("owner", 1)]


def test_less_grave_ones_are_not_told(harbor: Client, people: dict[str, User]) -> None:
    tell_opened(at=timezone.now())
    make.take_in(roots(1), at=timezone.now())
    Notification.objects.all().delete()
    exception = ControlException.objects.get()
    exception.pk, exception.number, exception.bucket, exception.severity = None, "EX-2026-9999", "x", "medium"
    exception.opened = timezone.now()
    exception.save(force_insert=True)
    tell_opened(at=timezone.now())
    assert told() == []


def test_recording_goes_on_when_telling_fails_and_the_sweep_tells_it(
    harbor: Client, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(telling, "tell_opened", broken)
        outcome = make.take_in(roots(3), at=timezone.now())
    assert outcome.exceptions == 3
    assert told() == []
    tell_opened(at=timezone.now())
    assert told() == [("analyst", 3), ("boss", 3), ("owner", 3)]


def test_each_client_has_its_own_mark(harbor: Client, people: dict[str, User]) -> None:
    make.take_in(roots(3), at=timezone.now())
    with public():
        larkfield = make.client("larkfield2")
    analyst = make.member("AN", larkfield)
    with at_client(larkfield):
        make.take_in(roots(1), at=timezone.now())
    assert [(row.client, row.count) for row in Notification.objects.filter(user=analyst)] == [(larkfield, 1)]


def test_whoever_is_given_an_exception_is_told_unless_they_took_it_themselves(
    harbor: Client, people: dict[str, User]
) -> None:
    make.take_in(roots(2), at=timezone.now())
    analyst, owner = people["analyst"], people["owner"]
    first, second = ControlException.objects.order_by("number")

    def given_to(exception: ControlException, to: User, by: User) -> None:
        given = {"severity": "high", "cause": "process", "harm": "none seen", "owner": to.pk}
        act(exception, "triage", by=by.pk, at=timezone.now(), given=given, version=exception.version)

    given_to(first, owner, analyst)
    assert told("exception_assigned") == [("owner", 1)]
    given_to(second, analyst, analyst)
    assert told("exception_assigned") == [("owner", 1)]


def test_what_passes_its_date_is_told_once_to_who_mends_it(harbor: Client, people: dict[str, User]) -> None:
    make.take_in(roots(4), at=timezone.now())
    now = timezone.now()
    tell_late(at=now)
    assert told("exception_late") == []
    due = now + 5 * DAY
    ControlException.objects.update(fix_due=due)
    mended, mine, *_ = ControlException.objects.order_by("number")
    ControlException.objects.filter(pk=mended.pk).update(state="fixed")
    ControlException.objects.filter(pk=mine.pk).update(owner=people["other"].pk)
    tell_late(at=due)
    assert told("exception_late") == []
    for hours in (1, 2, 30):
        tell_late(at=due + hours * HOUR)
    assert told("exception_late") == [("other", 1), ("owner", 3)]


def test_what_nobody_mends_is_told_to_the_administrators(harbor: Client, people: dict[str, User]) -> None:
    make.take_in(roots(1), at=timezone.now())
    Control.objects.update(owner=None)
    now = timezone.now()
    tell_late(at=now)
    ControlException.objects.update(fix_due=now + HOUR)
    tell_late(at=now + 2 * HOUR)
    assert told("exception_late") == [("CA", 1)]


def test_no_delivery_was_refused(harbor: Client, people: dict[str, User]) -> None:
    make.take_in(roots(1), at=timezone.now())
    assert Delivery.objects.get().state == "done"
    assert told("delivery_refused") == []
