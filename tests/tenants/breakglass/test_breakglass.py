"""Break-glass: a reason, a fresh second factor, an hour of reads, each logged, and the client told at once."""

import datetime
import itertools
import re
import time

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone

from evidence.ledger.models import LedgerEntry
from tenants.access.checks import routes
from tenants.access.models import ReadLogEntry
from tenants.access.policy import POLICY, is_read, judged, judged_some, standing
from tenants.breakglass.models import BreakGlass
from tenants.breakglass.services import (
    LIFE,
    BreakGlassRefused,
    end_breakglass,
    open_breakglass,
    settle_expired,
)
from tenants.clients.models import Client
from tenants.clients.switch import client as client_of
from tenants.invitations.services import invite_auditor
from tenants.members.models import User
from tenants.members.services import give_role
from tenants.notifications.models import Notification
from tests import make
from tests.probes import canaries
from tests.probes.reach import Person, fillings, ids_of, path_of

REASON = "The night shift reports a wave of failed sign-ins."
SECOND = datetime.timedelta(seconds=1)


def opened(client: Client, user: User | None = None, *, at: datetime.datetime | None = None) -> BreakGlass:
    return open_breakglass(user or make.member("AN"), client, reason=REASON, at=at or timezone.now())


@pytest.mark.parametrize("role", ["MA", "AN"])
def test_it_opens_with_a_reason_and_a_fresh_second_factor_and_reads(harbor: Client, role: str) -> None:
    user, administrator = make.member(role), make.member("CA", harbor)
    assert make.signed_in(user).get("/c/harbor/controls/").status_code == 404
    stale = make.signed_in(user).post("/break-glass/harbor/", {"reason": REASON})
    assert "second-factor/again" in stale["Location"]
    assert not BreakGlass.objects.exists()
    browser = make.stepped_up(user)
    assert browser.get("/break-glass/harbor/").status_code == 200
    answer = browser.post("/break-glass/harbor/", {"reason": REASON})
    assert (answer.status_code, answer["Location"]) == (302, "/c/harbor/")
    page = browser.get("/c/harbor/controls/")
    assert page.status_code == 200
    html = page.content.decode()
    assert "59 minutes left" in html
    assert REASON in html
    assert "End now" in html
    entry = BreakGlass.objects.get()
    assert entry.expires_at - entry.opened_at == datetime.timedelta(minutes=60)
    logged = ReadLogEntry.objects.get()
    assert (logged.breakglass, logged.engagement, logged.path, logged.user) == (
        entry, None, "/c/harbor/controls/", user,
    )  # fmt: skip
    told = Notification.objects.get(user=administrator)
    assert told.urgent
    assert REASON in told.body
    leaf = LedgerEntry.objects.get(ref=f"breakglass:{entry.pk}")
    assert leaf.kind == "decision"


@pytest.mark.parametrize("reason", ["", "too short", " " * 40, "x" * 19, "y" * 1001])
def test_a_reason_that_says_nothing_is_refused_in_words(harbor: Client, reason: str) -> None:
    answer = make.stepped_up(make.member("AN")).post("/break-glass/harbor/", {"reason": reason})
    assert answer.status_code == 400
    assert not BreakGlass.objects.exists()


def test_twenty_characters_are_a_reason(harbor: Client) -> None:
    assert (
        make.stepped_up(make.member("AN")).post("/break-glass/harbor/", {"reason": "x" * 20}).status_code
        == 302
    )


@pytest.mark.parametrize("role", ["CA", "CO", "EM"])
def test_nobody_of_a_client_opens_it(harbor: Client, role: str) -> None:
    browser = make.signed_in(make.member(role, harbor))
    assert browser.post("/break-glass/harbor/", {"reason": REASON}).status_code == 403
    assert not BreakGlass.objects.exists()


def test_the_form_is_alike_whether_there_is_such_a_client_or_not(harbor: Client) -> None:
    browser = make.stepped_up(make.member("AN"))
    here, nowhere = (
        re.sub(r'value="\w{64}"', "", browser.get(f"/break-glass/{slug}/").content.decode())
        for slug in ("harbor", "nobody")
    )
    assert here.replace("harbor", "nobody") == nowhere
    assert browser.post("/break-glass/nobody/", {"reason": REASON}).status_code == 404


def test_who_is_assigned_or_audits_or_is_in_already_does_not_open(harbor: Client) -> None:
    at = timezone.now()
    auditor = make.auditor(
        harbor, access=(at.date() - datetime.timedelta(9), at.date() - datetime.timedelta(8))
    )
    give_role(auditor, "AN")
    inside = make.member("AN")
    opened(harbor, inside)
    for user, words in (
        (make.member("AN", harbor), "already"),
        (auditor, "auditor"),
        (inside, "in already"),
        (make.member("CA", harbor), "of the MSSP"),
    ):
        with pytest.raises(BreakGlassRefused, match=words):
            opened(harbor, user)


def test_it_lends_every_read_of_the_table_and_nothing_else(harbor: Client) -> None:
    for role in ("MA", "AN"):
        user = make.member(role)
        opened(harbor, user)
        place = standing(user, harbor, step_up=True)
        for action, cells in POLICY.items():
            words = cells[role].words if role in cells else None
            if words is not None and "in" in words:
                assert judged(place, action) is is_read(action), action
            elif not is_read(action) and words is not None and "self" not in words:
                assert not judged_some(place, action), action


def test_it_ends_to_the_second(harbor: Client) -> None:
    user, at = make.member("AN"), timezone.now()
    entry = opened(harbor, user, at=at)
    assert standing(user, harbor, at=at).known
    assert standing(user, harbor, at=entry.expires_at - SECOND).known
    assert not standing(user, harbor, at=entry.expires_at).known
    assert not standing(user, harbor, at=at - SECOND).known


def test_the_next_request_after_its_end_is_404_by_a_real_clock(harbor: Client) -> None:
    user = make.member("AN")
    entry = opened(harbor, user)
    browser = make.signed_in(user)
    browser.get("/c/harbor/settings/break-glass/")  # whatever the first page of a process takes
    expires = timezone.now() + datetime.timedelta(seconds=5)
    BreakGlass.objects.filter(pk=entry.pk).update(expires_at=expires)
    assert browser.get("/c/harbor/settings/break-glass/").status_code == 200
    time.sleep(max(0.0, (expires - timezone.now()).total_seconds()))
    assert browser.get("/c/harbor/controls/").status_code == 404


def test_ones_own_end_is_at_once_and_recorded(harbor: Client) -> None:
    user, administrator = make.member("AN"), make.member("CA", harbor)
    entry = opened(harbor, user)
    browser = make.signed_in(user)
    browser.get("/c/harbor/controls/")
    answer = browser.post(f"/c/harbor/settings/break-glass/{entry.pk}/end/")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/c/harbor/controls/").status_code == 404
    entry.refresh_from_db()
    assert entry.ended_by == user
    leaves = list(LedgerEntry.objects.filter(ref=f"breakglass:{entry.pk}").order_by("seq"))
    assert [leaf.kind for leaf in leaves] == ["decision", "decision"]
    assert Notification.objects.filter(user=administrator, kind="breakglass_ended").count() == 1


def test_the_clients_administrator_sees_and_ends_it_and_nobody_else_does(harbor: Client) -> None:
    user = make.member("AN")
    entry = opened(harbor, user)
    end = f"/c/harbor/settings/break-glass/{entry.pk}/end/"
    make.signed_in(user).get("/c/harbor/controls/?page=7")
    other = make.member("AN")
    opened(harbor, other)
    for stranger in (make.member("AN", harbor), make.member("CO", harbor), other, make.auditor(harbor)):
        assert make.signed_in(stranger).post(end).status_code in (403, 404)
    browser = make.signed_in(make.member("CA", harbor))
    html = browser.get("/c/harbor/settings/break-glass/").content.decode()
    assert REASON in html
    assert user.email in html
    assert f"entry={entry.pk}" in html
    reads = browser.get(f"/c/harbor/settings/access-log/?entry={entry.pk}").content.decode()
    assert "/c/harbor/controls/?page=7" in reads
    assert browser.post(end).status_code == 302
    assert make.signed_in(user).get("/c/harbor/controls/").status_code == 404


def test_an_entry_of_another_client_is_not_there(harbor: Client) -> None:
    entry = opened(make.client("lumen"))
    browser = make.signed_in(make.member("CA", harbor))
    assert browser.post(f"/c/harbor/settings/break-glass/{entry.pk}/end/").status_code == 404
    entry.refresh_from_db()
    assert entry.ended_at is None


def test_the_database_refuses_its_writes(harbor: Client) -> None:
    user = make.member("AN")
    opened(harbor, user)
    with (
        override_settings(CLIENT_URLCONF="tests.tenants.pages"),
        pytest.raises(DatabaseError, match=r"permission denied|read-only"),
    ):
        make.signed_in(user).get("/c/harbor/writes/")


def test_what_cannot_be_logged_is_not_sent(harbor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make.member("AN")
    opened(harbor, user)

    def refuse(**fields: object) -> None:
        raise DatabaseError("no room")

    monkeypatch.setattr(ReadLogEntry.objects, "create", refuse)
    answer = make.signed_in(user).get("/c/harbor/controls/")
    assert answer.status_code == 500
    assert "access log" in answer.content.decode()


def test_an_end_by_time_is_recorded_once(harbor: Client) -> None:
    at = timezone.now() - 2 * LIFE
    entry = opened(harbor, at=at)
    assert settle_expired(harbor, at=at + LIFE - SECOND) == 0
    assert settle_expired(harbor, at=at + LIFE) == 1
    assert settle_expired(harbor, at=timezone.now()) == 0
    entry.refresh_from_db()
    assert (entry.ended_at, entry.ended_by) == (entry.expires_at, None)
    assert LedgerEntry.objects.filter(ref=f"breakglass:{entry.pk}").count() == 2
    assert not end_breakglass(entry, by=entry.user, at=timezone.now())


@pytest.mark.slow
def test_it_opens_every_page_that_the_table_lends(own_database: str) -> None:
    """By real connections: no page that break-glass opens asks the database for what its role is not given."""
    harbor = make.client("harbor")
    planted = canaries.plant(harbor)
    engagement = make.engagement_of(harbor, make.person(second_factor=True))
    with client_of(harbor):
        ids = ids_of(planted.values())
        user = make.member("AN")
        entry = opened(harbor, user)
        invite_auditor(engagement, email="a@firm.example", name="A", by=None, at=timezone.now())
    for name, row in (("engagement", engagement), ("user", user), ("breakglass", entry)):
        ids.add(name, row.pk)
    person, answered, failed = Person("in break-glass", user), 0, []
    for route in routes(settings.CLIENT_URLCONF):
        action = (route.declared.actions if route.declared else {}).get("GET")
        if action is None or "in" not in (POLICY[action]["AN"].words if "AN" in POLICY[action] else ()):
            continue
        for filling in itertools.islice(fillings(route, ids), 60):
            status = person.call("GET", f"/c/harbor/{path_of(route, filling)}").status_code
            if status >= 500:
                failed.append((route.pattern, status))
            if status != 404:
                answered += status == 200
                break
    print(f"{answered} pages")
    assert failed == []
    assert answered > 20
    assert ReadLogEntry.objects.filter(breakglass=entry).count() >= answered
