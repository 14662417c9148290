"""Engagements in the portal: opened, changed and closed by the client's administrator with a fresh second factor."""

import datetime
import json
import re
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evidence.ledger.models import LedgerEntry
from tenants.access.models import ReadLogEntry
from tenants.clients.models import Client
from tenants.engagements.models import Engagement
from tenants.invitations.models import Invitation
from tests import make

HERE = "/c/harbor/settings/engagements/"
DAY = datetime.timedelta(days=1)


def today() -> datetime.date:
    return timezone.now().date()


def terms(**other: Any) -> dict[str, Any]:
    return {
        "firm": "Okafor & Lind",
        "kind": "2",
        "period_start": "2026-01-01",
        "period_end": "2026-06-30",
        "categories": ["CC", "A"],
        "access_from": (today() - DAY).isoformat(),
        "access_until": (today() + 30 * DAY).isoformat(),
        **other,
    }


def acts(engagement: Engagement) -> list[str]:
    found = LedgerEntry.objects.filter(ref=f"engagement:{engagement.pk}").order_by("seq")
    assert {entry.kind for entry in found} <= {"settings"}
    return [json.loads(bytes(entry.leaf))["meta"]["act"] for entry in found]


def test_an_administrator_opens_changes_and_closes_one_and_each_act_is_a_leaf(harbor: Client) -> None:
    browser = make.stepped_up(make.member("CA", harbor))
    assert browser.get(f"{HERE}new/").status_code == 200
    answer = browser.post(f"{HERE}new/", terms())
    made = Engagement.objects.get()
    assert answer["Location"] == f"{HERE}{made.pk}/"
    assert (made.firm, made.kind, made.categories) == ("Okafor & Lind", "2", ["CC", "A"])
    auditor = make.person("Lee Novak", second_factor=True)
    assert (
        browser.post(f"{HERE}{made.pk}/people/", {"email": auditor.email, "name": "Lee"}).status_code == 302
    )
    assert make.signed_in(auditor).get("/c/harbor/controls/").status_code == 404, "not before it is accepted"
    (sent,) = mail.outbox
    (link,) = re.findall(r"/c/harbor/invitations/\S+/", sent.body)
    assert make.signed_in(auditor).post(link).status_code == 302
    assert make.signed_in(auditor).get("/c/harbor/controls/").status_code == 200
    html = browser.get(f"{HERE}{made.pk}/").content.decode()
    assert "Lee Novak" in html
    assert "Availability" in html
    changed = terms(period_end="2026-07-31", categories=["CC"])
    assert browser.get(f"{HERE}{made.pk}/change/").status_code == 200
    assert browser.post(f"{HERE}{made.pk}/change/", changed).status_code == 302
    made.refresh_from_db()
    assert (made.period_end, made.categories) == (datetime.date(2026, 7, 31), ["CC"])
    assert browser.get(f"{HERE}{made.pk}/close/").status_code == 200
    assert browser.post(f"{HERE}{made.pk}/close/").status_code == 302
    assert make.signed_in(auditor).get("/c/harbor/controls/").status_code == 404
    assert acts(made) == ["opened", "invitation accepted", "changed", "closed"]
    assert "closed" in browser.get(HERE).content.decode()
    answer = browser.post(f"{HERE}{made.pk}/change/", terms())
    assert answer.status_code == 400
    assert "Open a new one" in answer.content.decode()


def test_a_type_1_engagement_has_its_day_and_no_period(harbor: Client) -> None:
    browser = make.stepped_up(make.member("CA", harbor))
    assert browser.post(f"{HERE}new/", terms(kind="1", as_of="2026-06-30")).status_code == 302
    made = Engagement.objects.get()
    assert (made.as_of, made.period_start, made.period_end) == (datetime.date(2026, 6, 30), None, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "1"}, "needs its day"),
        ({"period_end": ""}, "both days of its period"),
        ({"period_end": "2025-12-31"}, "lies before the first one"),
        ({"access_until": "2020-01-01"}, "lies before the first one"),
        ({"categories": []}, "at least one category"),
        ({"categories": ["XX"]}, "XX"),
        ({"firm": ""}, "required"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(harbor: Client, wrong: dict[str, Any], words: str) -> None:
    answer = make.stepped_up(make.member("CA", harbor)).post(f"{HERE}new/", terms(**wrong))
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Engagement.objects.exists()


def test_opening_and_changing_ask_for_a_fresh_second_factor(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    made = make.engagement_of(harbor)
    for page in ("new/", f"{made.pk}/change/", f"{made.pk}/people/"):
        assert "second-factor/again" in browser.post(f"{HERE}{page}", terms())["Location"]
    assert Engagement.objects.count() == 1


@pytest.mark.parametrize("role", ["MA", "AN", "CO", "EM"])
def test_nobody_else_opens_changes_or_closes_one(harbor: Client, role: str) -> None:
    made = make.engagement_of(harbor)
    browser = make.signed_in(make.member(role, harbor))
    for page in ("new/", f"{made.pk}/change/", f"{made.pk}/close/", f"{made.pk}/people/"):
        assert browser.post(f"{HERE}{page}", terms()).status_code == 403, page
    made.refresh_from_db()
    assert made.closed_at is None


def test_an_auditor_sees_their_own_engagement_and_no_other_firms(harbor: Client) -> None:
    user, other = make.person(second_factor=True), make.person(second_factor=True)
    mine = make.engagement_of(harbor, user, firm="Okafor & Lind")
    theirs = make.engagement_of(harbor, other, firm="Rivals LLP")
    browser = make.signed_in(user)
    html = browser.get(HERE).content.decode()
    assert "Okafor" in html
    assert "Rivals" not in html
    assert browser.get(f"{HERE}{mine.pk}/").status_code == 200
    assert browser.get(f"{HERE}{theirs.pk}/").status_code == 404
    assert browser.post(f"{HERE}{mine.pk}/close/").status_code == 403


def test_an_engagement_of_another_client_is_not_there(harbor: Client) -> None:
    theirs = make.engagement_of(make.client("lumen"))
    browser = make.stepped_up(make.member("CA", harbor))
    for page in ("", "change/", "close/"):
        assert browser.get(f"{HERE}{theirs.pk}/{page}").status_code == 404
    assert browser.post(f"{HERE}{theirs.pk}/close/").status_code == 404
    assert (
        browser.post(f"{HERE}{theirs.pk}/people/", {"email": "a@b.example", "name": "A"}).status_code == 404
    )


def test_who_is_not_independent_is_not_added(harbor: Client) -> None:
    made = make.engagement_of(harbor)
    browser = make.stepped_up(make.member("CA", harbor))
    for user in (make.member("EM", harbor), make.member("AN")):
        answer = browser.post(f"{HERE}{made.pk}/people/", {"email": user.email, "name": "Them"})
        assert answer.status_code == 400
        assert "independent" in answer.content.decode()
    assert not made.auditors.exists()


def test_somebody_taken_off_sees_nothing_any_more(harbor: Client) -> None:
    user = make.auditor(harbor)
    made = Engagement.objects.get()
    browser = make.stepped_up(make.member("CA", harbor))
    assert browser.post(f"{HERE}{made.pk}/people/{user.pk}/remove/").status_code == 302
    assert make.signed_in(user).get("/c/harbor/controls/").status_code == 404
    assert acts(made) == ["auditor removed"]


def test_an_invitation_that_waits_is_sent_again_or_taken_back(harbor: Client) -> None:
    made = make.engagement_of(harbor)
    browser = make.stepped_up(make.member("CA", harbor))
    browser.post(f"{HERE}{made.pk}/people/", {"email": "lee@firm.example", "name": "Lee Novak"})
    invitation = Invitation.objects.get()
    assert "lee@firm.example" in browser.get(f"{HERE}{made.pk}/").content.decode()
    address = f"{HERE}{made.pk}/invitations/{invitation.pk}/"
    browser.post(address, {"do": "again"})
    assert len(mail.outbox) == 2
    other = make.engagement_of(harbor, firm="Another")
    assert browser.post(f"{HERE}{other.pk}/invitations/{invitation.pk}/").status_code == 404
    browser.post(address, {"do": "revoke"})
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None
    assert "Invited, not there yet" not in browser.get(f"{HERE}{made.pk}/").content.decode()


# The access log


def test_the_client_sees_who_read_what_by_person_and_day_and_as_csv(harbor: Client) -> None:
    first, second = make.auditor(harbor), make.auditor(harbor)
    make.signed_in(first).get("/c/harbor/controls/?q=first")
    make.signed_in(second).get("/c/harbor/controls/NONE-01/")
    ReadLogEntry.objects.filter(user=second).update(time=timezone.now() - 3 * DAY)
    browser = make.signed_in(make.member("CA", harbor))
    log = "/c/harbor/settings/access-log/"
    html = browser.get(log).content.decode()
    assert "/c/harbor/controls/?q=first" in html
    assert "/c/harbor/controls/NONE-01/" in html
    assert "not found" in html
    only = browser.get(f"{log}?person={second.pk}").content.decode()
    assert "NONE-01" in only
    assert "q=first" not in only
    then = browser.get(f"{log}?day={today() - 3 * DAY}").content.decode()
    assert "NONE-01" in then
    assert "q=first" not in then
    assert "Nothing was read" in browser.get(f"{log}?day={today() - 9 * DAY}").content.decode()
    assert browser.get(f"{log}?day=nonsense&person=x&entry=y&page=z").status_code == 200
    csv = b"".join(
        browser.get(f"/c/harbor/settings/access-log.csv?person={second.pk}").streaming_content
    ).decode()
    assert csv.splitlines()[0].startswith("time_utc,person,mail,as,action,address,status,bytes")
    assert len(csv.splitlines()) == 2
    assert ",404," in csv


def test_an_auditor_sees_their_own_reads_only(harbor: Client) -> None:
    user, other = make.auditor(harbor), make.auditor(harbor)
    make.signed_in(other).get("/c/harbor/controls/?q=theirs")
    browser = make.signed_in(user)
    browser.get("/c/harbor/controls/?q=mine")
    html = browser.get("/c/harbor/settings/access-log/").content.decode()
    assert "q=mine" in html
    assert "q=theirs" not in html
    assert "q=theirs" not in browser.get(f"/c/harbor/settings/access-log/?person={other.pk}").content.decode()
    csv = b"".join(browser.get("/c/harbor/settings/access-log.csv").streaming_content).decode()
    assert "q=mine" in csv
    assert "q=theirs" not in csv


@pytest.mark.parametrize("role", ["CO", "EM"])
def test_nobody_else_of_the_client_reads_the_log(harbor: Client, role: str) -> None:
    assert make.signed_in(make.member(role, harbor)).get("/c/harbor/settings/access-log/").status_code == 403


def test_another_clients_reads_are_not_in_it(harbor: Client) -> None:
    lumen = make.client("lumen")
    make.signed_in(make.auditor(lumen)).get("/c/lumen/controls/?q=of-lumen")
    html = make.signed_in(make.member("CA", harbor)).get("/c/harbor/settings/access-log/").content.decode()
    assert "of-lumen" not in html


def test_the_log_asks_alike_of_few_and_many(harbor: Client) -> None:
    user = make.auditor(harbor)
    engagement = Engagement.objects.get()
    browser = make.signed_in(make.member("CA", harbor))

    def asked(rows: int) -> int:
        ReadLogEntry.objects.bulk_create(
            ReadLogEntry(
                time=timezone.now(), user=user, client=harbor, engagement=engagement, action="control.read",
                path=f"/{n}", status=200,
            )
            for n in range(rows)
        )  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            assert f"{min(50, rows)} of" in browser.get("/c/harbor/settings/access-log/").content.decode()
        return len(captured)

    browser.get("/c/harbor/settings/access-log/")
    assert asked(10) == asked(990) < 20
