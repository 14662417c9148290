"""Find: what one may see, in bounded time and rows, with and without script; of everything else not a word."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controls.catalogue.models import Control
from controls.catalogue.services import instantiate
from controls.exceptions.models import ControlException
from evidence.intake.sources import connect
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.find import asking
from tenants.find.registry import Finder, Found, register
from tenants.members.models import Assignment, User
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
CANARY = "cnryzebra"


def filled(client: Client, word: str = CANARY) -> None:
    """A control, an exception and a source of a client, with a word in each text."""
    with at_client(client):
        instantiate(on=NOW.date())
        Control.objects.filter(pk="AC-01").update(statement=f"Access by {word} is reviewed.")
        connect("aws", at=NOW)
        for n, at in ((1, NOW), (2, NOW - datetime.timedelta(days=400))):
            ControlException.objects.create(
                number=f"EX-{at.year}-{n:04}", origin="failed_member", rule="R01", rule_version="1", bucket="b",
                group_key=f"{word}-actor-{n}", control="AC-01", criteria=["CC6.1"], severity="high",
                facts=f"{word} signed in.", occurred_first=at, occurred_last=at, detected=at, opened=at,
                triage_due=at, fix_due=at,
            )  # fmt: skip


def found(user: User, q: str, at: str = "") -> dict[str, list[str]]:
    answer = make.signed_in(user).get(f"{at}/find/", {"q": q})
    assert answer.status_code == 200
    return {group.label: [each.name for each in group.found] for group in answer.context["groups"]}


def test_the_things_of_a_client_are_found_by_name_number_and_actor(harbor: Client) -> None:
    filled(harbor)
    administrator = make.member("CA", harbor)
    User.objects.filter(pk=administrator.pk).update(full_name="Dana Whitlock")
    at = "/c/harbor"
    assert found(administrator, "AC-01", at)["Controls"][0].startswith("AC-01")
    assert found(administrator, CANARY, at).keys() == {"Controls", "Exceptions"}
    assert found(administrator, "EX-2026-0001", at)["Exceptions"][0].startswith("EX-2026-0001")
    assert found(administrator, "actor-1", at)["Exceptions"][0].startswith("EX-2026-0001")
    assert found(administrator, "cloudtrail", at)["Sources"]
    assert found(administrator, "settings", at) == {} or found(administrator, "exceptions", at)["Pages"] == [
        "Exceptions"
    ]
    assert found(administrator, "zebra reviewed", at)["Controls"], "all words, in any order"
    assert found(administrator, "zebra never", at) == {}


def test_every_address_that_is_found_opens(harbor: Client) -> None:
    filled(harbor)
    browser = make.signed_in(make.member("CA", harbor))
    for q in (CANARY, "aws", "exceptions", "control"):
        for group in browser.get("/c/harbor/find/", {"q": q}).context["groups"]:
            for each in group.found:
                assert browser.get(each.href).status_code == 200, each


def test_over_clients_only_the_names_of_ones_own_are_found() -> None:
    mine, foreign = (
        make.bare_client("mine", name="Alder Health"),
        make.bare_client("theirs", name="Alder Bank"),
    )
    analyst = make.member("AN", mine)
    assert found(analyst, "alder")["Clients"] == ["Alder Health"]
    assert found(make.member("MA", mine), "alder")["Clients"] == ["Alder Health"], (
        "what may not be entered is not found"
    )
    Assignment.objects.create(user=analyst, client=foreign)
    assert found(analyst, "alder")["Clients"] == ["Alder Bank", "Alder Health"]


def test_nobody_finds_a_word_of_another_client_or_of_another_period(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    filled(harbor)
    filled(larkfield, "otherword")
    beginning = CANARY[:6]  # what was asked for is repeated on the page; the rest of the word is not
    for role in ("MA", "AN", "CA", "CO", "EM"):
        browser = make.signed_in(make.member(role, larkfield))
        assert browser.get("/c/harbor/find/", {"q": beginning}).status_code == 404
        for at in ("", "/c/larkfield"):
            assert CANARY not in browser.get(f"{at}/find/", {"q": beginning}).content.decode()
    auditor = make.auditor(harbor, period=(datetime.date(2026, 1, 1), datetime.date(2026, 6, 30)))
    assert found(auditor, CANARY, "/c/harbor")["Exceptions"] == [f"EX-2026-0001 {CANARY} signed in"]
    assert "People" not in found(auditor, "auditor", "/c/harbor")
    employee = make.member("EM", harbor)
    assert found(employee, CANARY, "/c/harbor") == {}, "who owns nothing finds nothing"


def test_the_part_that_the_dialog_asks_for_is_no_whole_page(harbor: Client) -> None:
    filled(harbor)
    browser = make.signed_in(make.member("CA", harbor))
    part = browser.get("/c/harbor/find/", {"q": CANARY}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'role="status"' in part
    assert re.search(r'href="/c/harbor/exceptions/EX-2026-0001/"', part)
    assert 'id="finder"' in browser.get("/c/harbor/exceptions/").content.decode()


@pytest.mark.parametrize("q", ["", " ", "a", "%01", "%25", "_%", "x" * 5000, "' or 1=1", "<script>", "\\"])
def test_whatever_is_asked_is_answered_calmly(harbor: Client, q: str) -> None:
    filled(harbor)
    answer = make.signed_in(make.member("CA", harbor)).get(f"/c/harbor/find/?q={q}")
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().replace("<script src", "")
    if q in ("", " ", "a"):
        assert "at least 2" in answer.content.decode()


def test_more_rows_ask_no_more_queries_and_show_no_more_than_a_few(harbor: Client) -> None:
    filled(harbor)
    browser = make.signed_in(make.member("CA", harbor))
    counts = []
    for many in (10, 990):
        rows = [ControlException.objects.first() for _ in range(1)]
        assert rows[0] is not None
        base = {
            f.attname: getattr(rows[0], f.attname)
            for f in ControlException._meta.concrete_fields
            if f.attname != "id"
        }
        ControlException.objects.bulk_create(
            ControlException(**base | {"number": f"EX-{many}-{n}", "group_key": f"g{many}-{n}"})
            for n in range(many)
        )
        browser.get("/c/harbor/find/", {"q": CANARY})
        with CaptureQueriesContext(connection) as asked:
            page = browser.get("/c/harbor/find/", {"q": CANARY})
        counts.append(len(asked))
        assert all(len(group.found) <= asking.PER_KIND for group in page.context["groups"])
    assert counts[0] == counts[1]


def test_what_takes_too_long_is_stopped_and_said(harbor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(gate: object, words: list[str], limit: int) -> list[Found]:
        with connection.cursor() as cursor:
            cursor.execute("select pg_sleep(5)")
        return []

    from tenants.find import registry

    monkeypatch.setattr(asking, "MILLISECONDS", 50)
    monkeypatch.setattr(registry, "_FINDERS", dict(registry._FINDERS))
    register(Finder("slow", "Slow things", "control.read", slow))
    filled(harbor)
    answer = make.signed_in(make.member("CA", harbor)).get("/c/harbor/find/", {"q": CANARY})
    assert "Slow things took too long" in answer.content.decode()
    assert CANARY in answer.content.decode(), "the others are looked through all the same"
    with connection.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone()[0] != "50ms", "the bound ends with the question"
