"""Sessions: how they begin and end, who sees them, and that an ended one opens nothing."""

import datetime
import time

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client as Browser

from evidence.ledger.models import LedgerEntry
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import Membership, User
from tenants.members.services import give_role, give_second_factor
from tenants.sessions.selectors import device_words
from tests import make
from tests.tenants.members.test_sign_in import code_of, sign_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"
)
MINE = "/c/harbor/accounts/sessions/"


@pytest.fixture(autouse=True)
def fresh_counters():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", host="harbor.example")


@pytest.fixture
def owner(harbor: Client) -> User:
    return make.member("CO", harbor, second_factor=False)


def signed_in(user: User, agent: str = FIREFOX, **more: str) -> Browser:
    browser = Browser(headers={"User-Agent": agent}, **more)
    assert sign_in(browser, "/", user).status_code == 302
    return browser


def opens(browser: Browser) -> bool:
    return browser.get("/c/harbor/accounts/password/change/").status_code == 200


def row_of(browser: Browser) -> UserSession:
    return UserSession.objects.get(session_key=browser.session.session_key)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = time.clock_gettime(time.CLOCK_REALTIME) + seconds
    monkeypatch.setattr("tenants.sessions.middleware.time.time", lambda: at)


def test_the_page_says_on_which_device_from_where_and_since_when(harbor: Client, owner: User) -> None:
    phone, desk = signed_in(owner, PHONE, REMOTE_ADDR="203.0.113.7"), signed_in(owner)
    page = desk.get(MINE).content.decode()
    for words in ("Firefox on Windows", "Safari on iPhone", "from 203.0.113.7", "this one"):
        assert words in page
    assert page.count("this one") == 1
    assert "Your people" not in page
    assert opens(phone)


@pytest.mark.parametrize("place", ["/accounts/sessions/", MINE])
def test_the_menu_leads_to_the_page_at_the_portal_and_at_a_client(
    harbor: Client, owner: User, place: str
) -> None:
    assert f'href="{place}"' in signed_in(owner).get(place).content.decode()


def test_one_that_is_ended_answers_the_sign_in_page_at_its_next_request(harbor: Client, owner: User) -> None:
    phone, desk = signed_in(owner, PHONE), signed_in(owner)
    gone = row_of(phone)
    assert desk.post(f"{MINE}{gone.pk}/")["Location"] == MINE
    assert phone.get(MINE)["Location"].startswith("/c/harbor/accounts/login/")
    assert opens(desk)
    assert not UserSession.objects.filter(pk=gone.pk).exists()


def test_the_present_one_ends_by_signing_out(harbor: Client, owner: User) -> None:
    desk = signed_in(owner)
    assert desk.post(f"{MINE}{row_of(desk).pk}/")["Location"] == "/c/harbor/accounts/login/"
    assert not opens(desk)


def test_all_others_end_at_once(harbor: Client, owner: User) -> None:
    others, desk = [signed_in(owner, PHONE), signed_in(owner)], signed_in(owner)
    desk.post(f"{MINE}others/")
    assert [opens(each) for each in (*others, desk)] == [False, False, True]


def test_nobody_ends_anothers_and_foreign_and_absent_look_alike(harbor: Client, owner: User) -> None:
    other = signed_in(make.member("CO", harbor, second_factor=False))
    desk = signed_in(owner)
    foreign, absent = desk.post(f"{MINE}{row_of(other).pk}/"), desk.post(f"{MINE}987654/")
    assert foreign.status_code == absent.status_code == 404
    assert desk.post(f"{MINE}people/{row_of(other).pk}/").status_code == 404
    assert opens(other)


def test_an_auditor_sees_and_ends_their_own(harbor: Client) -> None:
    user = make.auditor(harbor)
    here, there = make.signed_in(user), make.signed_in(user)
    assert here.get(MINE).status_code == 200
    here.post(f"{MINE}{row_of(there).pk}/")
    assert there.get(MINE).status_code == 302


# The client's administrator ──────────────────────────────────────────────────────────────────────────


def test_an_administrator_sees_and_ends_sessions_of_the_clients_people_and_it_is_kept(
    harbor: Client, owner: User
) -> None:
    theirs = signed_in(owner, PHONE)
    admin = make.member("CA", harbor)
    browser = make.signed_in(admin)
    page = browser.get(MINE).content.decode()
    assert str(owner) in page
    assert "Safari on iPhone" in page
    pk = row_of(theirs).pk
    assert browser.post(f"{MINE}people/{pk}/").status_code == 302
    assert not opens(theirs)
    with at_client(harbor):
        leaf = bytes(LedgerEntry.objects.get(kind="settings", ref=f"session:{pk}").leaf).decode()
    assert str(admin.pk) in leaf
    assert str(owner.pk) in leaf


def test_an_administrator_sees_nobody_of_elsewhere(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    outside = [
        make.member("CA", larkfield),
        make.member("AN", harbor),
        make.auditor(harbor),
        make.member("CO", larkfield),
    ]
    both = make.member("CO", harbor, second_factor=False)
    give_role(both, "CO", client=larkfield)
    left = make.member("CO", harbor)
    Membership.objects.filter(user=left).update(active=False)
    browser = make.signed_in(make.member("CA", harbor))
    for user in (*outside, left):
        row = row_of(make.signed_in(user))
        assert user.email not in browser.get(MINE).content.decode()
        assert browser.post(f"{MINE}people/{row.pk}/").status_code == 404
        assert UserSession.objects.filter(pk=row.pk).exists()
    assert browser.post(f"{MINE}people/{row_of(make.signed_in(both)).pk}/").status_code == 302


def test_at_the_portal_an_administrator_sees_only_their_own(harbor: Client, owner: User) -> None:
    signed_in(owner, PHONE)
    page = make.signed_in(make.member("CA", harbor)).get("/accounts/sessions/").content.decode()
    assert "iPhone" not in page


def test_the_page_asks_as_much_for_many_as_for_few(harbor: Client, django_assert_num_queries) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    browser.get(MINE)
    make.signed_in(make.member("CO", harbor))
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        browser.get(MINE)
    for _ in range(20):
        make.signed_in(make.member("CO", harbor))
    with django_assert_num_queries(len(few)):
        browser.get(MINE)


# Limits ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_idle_session_ends(
    harbor: Client, owner: User, monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest
) -> None:
    browser = signed_in(owner)
    later(monkeypatch, settings.PROOFLINE_SESSION_IDLE - 30)
    assert opens(browser)
    later(monkeypatch, 2 * settings.PROOFLINE_SESSION_IDLE - 60)
    assert opens(browser)  # it was used meanwhile
    later(monkeypatch, 4 * settings.PROOFLINE_SESSION_IDLE)
    assert not opens(browser)


def test_a_session_ends_however_much_it_is_used(
    harbor: Client, owner: User, monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest
) -> None:
    settings.PROOFLINE_SESSION_IDLE = 10 * settings.SESSION_COOKIE_AGE
    browser = signed_in(owner)
    later(monkeypatch, settings.SESSION_COOKIE_AGE - 60)
    assert opens(browser)
    later(monkeypatch, settings.SESSION_COOKIE_AGE + 60)
    assert not opens(browser)


def test_the_last_use_is_kept_at_most_a_minute_late(
    harbor: Client, owner: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries
) -> None:
    browser = signed_in(owner)
    before = row_of(browser).last_seen_at
    assert opens(browser)
    assert row_of(browser).last_seen_at == before
    later(monkeypatch, 61)
    assert opens(browser)
    assert row_of(browser).last_seen_at >= before + datetime.timedelta(seconds=60)


# Fixation ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_planted_session_is_worth_nothing_after_signing_in(harbor: Client, owner: User) -> None:
    attacker = Browser()
    attacker.get("/accounts/login/")
    session = attacker.session
    session["planted"] = "1"
    session.save()
    victim = Browser()
    victim.cookies["sessionid"] = session.session_key
    sign_in(victim, "/", owner)
    assert opens(victim)
    attacker.cookies["sessionid"] = session.session_key
    assert not opens(attacker)


def test_proving_a_factor_gives_the_session_another_key(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    factor = give_second_factor(user)
    browser = make.signed_in(user)
    key, pk = browser.session.session_key, row_of(browser).pk
    answer = browser.post("/accounts/second-factor/again/", {"code": code_of(factor.secret)})
    assert answer.status_code == 302
    assert browser.session.session_key != key
    assert row_of(browser).pk == pk
    seen = Browser()
    seen.cookies["sessionid"] = key
    assert not opens(seen)
    assert opens(browser)


def test_a_changed_password_leaves_one_session(harbor: Client, owner: User) -> None:
    elsewhere, browser = signed_in(owner), signed_in(owner)
    new = "another password, longer"
    browser.post(
        "/accounts/password/change/", {"oldpassword": make.PASSWORD, "password1": new, "password2": new}
    )
    assert [opens(each) for each in (elsewhere, browser)] == [False, True]
    assert [each.session_key for each in UserSession.objects.filter(user=owner)] == [
        browser.session.session_key
    ]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("", "An unnamed device"),
        ("curl/8.5.0", "curl"),
        (FIREFOX, "Firefox on Windows"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("<script>alert(1)</script>", "An unnamed device"),
    ],
)
def test_devices_are_named_as_a_person_would(agent: str, words: str) -> None:
    assert device_words(agent) == words
