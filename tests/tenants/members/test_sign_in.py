"""Signing in: at the portal, under a client's path and on a client's own host, alike."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client as Browser
from django.test import override_settings

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.members.services import assign, give_role, give_second_factor
from tests import make

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """The code that an authenticator shows now, for at least three seconds more."""
    left = 30 - time.time() % 30
    if left < 3:
        time.sleep(left)
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.fixture(autouse=True)
def test_pages():
    cache.clear()
    with override_settings(CLIENT_URLCONF="tests.tenants.pages"):
        yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", host="harbor.example")


@pytest.fixture(params=["/", "/c/harbor/", "harbor.example"])
def place(request: pytest.FixtureRequest, harbor: Client) -> tuple[str, Browser]:
    """Return where one signs in: the prefix of addresses there, and a fresh browser."""
    if request.param.startswith("/"):
        return request.param, Browser()
    return "/", Browser(HTTP_HOST=request.param)


def sign_in(browser: Browser, prefix: str, user: User, password: str = make.PASSWORD, **more: str):
    return browser.post(f"{prefix}accounts/login/", {"login": user.email, "password": password, **more})


def test_the_page_has_what_signing_in_needs_and_no_way_to_sign_up(place) -> None:
    prefix, browser = place
    page = browser.get(f"{prefix}accounts/login/").content.decode()
    assert 'name="login"' in page and 'name="password"' in page and "csrfmiddlewaretoken" in page  # noqa: PT018
    assert "signup" not in page
    for absent in ("signup", "email", "password/set", "3rdparty", "social/signup"):
        assert browser.get(f"{prefix}accounts/{absent}/").status_code == 404, absent


def test_mail_and_password_open_where_one_was_going(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor, second_factor=False)
    answer = sign_in(browser, prefix, user)
    assert (answer.status_code, answer["Location"]) == (302, prefix)
    other = Browser(**browser.defaults)
    answer = sign_in(other, prefix, user, next=f"{prefix}where/")
    assert answer["Location"] == f"{prefix}where/"


def test_the_mail_address_is_known_in_any_case(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor, second_factor=False)
    user.email = user.email.upper()
    assert sign_in(browser, prefix, user).status_code == 302


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_leads_nowhere_else(place, harbor: Client, next_: str) -> None:
    prefix, browser = place
    answer = sign_in(browser, prefix, make.member("CO", harbor, second_factor=False), next=next_)
    assert answer["Location"] == prefix


def test_a_wrong_password_is_refused_in_words_and_the_address_is_kept(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor)
    page = sign_in(browser, prefix, user, "wrong")
    assert page.status_code == 200
    assert "not correct" in page.content.decode()
    assert user.email in page.content.decode()
    unknown = browser.post(f"{prefix}accounts/login/", {"login": "nobody@example.org", "password": "wrong"})
    words = re.compile(r'<span class="label">.*?</div>', re.DOTALL)
    assert words.findall(page.content.decode()) == words.findall(unknown.content.decode())


def test_an_enrolled_person_shows_a_code_and_the_same_code_opens_once(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor, second_factor=False)
    factor = give_second_factor(user)
    answer = sign_in(browser, prefix, user, next=f"{prefix}where/")
    assert answer["Location"] == f"{prefix}accounts/second-factor/code/"
    assert browser.get(f"{prefix}accounts/password/change/").status_code == 302, (
        "half signed in is not signed in"
    )
    refused = browser.post(answer["Location"], {"code": "000000"})
    assert refused.status_code == 200
    assert "Incorrect code" in refused.content.decode()
    code = code_of(factor.secret)
    assert browser.post(answer["Location"], {"code": code}).status_code == 302
    assert browser.get(f"{prefix}accounts/password/change/").status_code == 200
    again = Browser(**browser.defaults)
    sign_in(again, prefix, user)
    assert again.post(f"{prefix}accounts/second-factor/code/", {"code": code}).status_code == 200


def test_a_recovery_code_opens_once(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor, second_factor=False)
    code = give_second_factor(user).recovery_codes[0]
    for attempt, status in ((browser, 302), (Browser(**browser.defaults), 200)):
        sign_in(attempt, prefix, user)
        assert attempt.post(f"{prefix}accounts/second-factor/code/", {"code": code}).status_code == status


def test_whoever_must_have_a_second_factor_is_led_to_set_one_up_and_then_in(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CA", harbor, second_factor=False)
    sign_in(browser, prefix, user)
    led = browser.get(prefix)
    assert led["Location"] == f"{prefix}accounts/second-factor/authenticator/"
    page = browser.get(led["Location"])
    assert page.status_code == 200
    secret = re.search(r'<span class="hash">(\w{32})</span>', page.content.decode())
    assert secret
    done = browser.post(led["Location"], {"code": code_of(secret[1])})
    assert done["Location"] == f"{prefix}accounts/second-factor/recovery/"
    codes = browser.get(done["Location"]).content.decode()
    assert len(re.findall(r"<li>\d{8}</li>", codes)) == 10
    assert browser.get(prefix).status_code in (200, 302)
    assert "authenticator" not in browser.get(prefix).get("Location", "")


def test_the_secret_of_an_authenticator_is_not_kept_in_the_clear(harbor: Client) -> None:
    user = make.person()
    factor = give_second_factor(user)
    kept = str(list(Authenticator.objects.filter(user=user).values_list("data", flat=True)))
    assert factor.secret not in kept
    assert all(code not in kept for code in factor.recovery_codes)


def test_guessing_is_slowed_down_and_a_change_of_address_does_not_help(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    for prefix in ("/", "/c/harbor/", "/", "/c/harbor/", "/"):
        assert sign_in(Browser(), prefix, user, "wrong").status_code == 200
    for where in ({}, {"HTTP_HOST": "harbor.example"}, {"HTTP_HOST": "localhost"}):
        page = sign_in(Browser(**where), "/", user)
        assert page.status_code == 429
        assert "There were too many tries" in page.content.decode()


def test_guessing_codes_is_slowed_down(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    factor = give_second_factor(user)
    browser = Browser()
    sign_in(browser, "/", user)
    for _ in range(5):
        browser.post("/accounts/second-factor/code/", {"code": "000000"})
    page = browser.post("/accounts/second-factor/code/", {"code": code_of(factor.secret)})
    assert page.status_code == 429


def test_the_session_is_a_new_one_after_signing_in(place, harbor: Client) -> None:
    prefix, browser = place
    browser.get(f"{prefix}accounts/login/")
    session = browser.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    sign_in(browser, prefix, make.member("CO", harbor, second_factor=False))
    assert browser.session.session_key != before


def test_signing_out_ends_the_session_and_asks_by_get(place, harbor: Client) -> None:
    prefix, browser = place
    sign_in(browser, prefix, make.member("CO", harbor, second_factor=False))
    assert browser.get(f"{prefix}accounts/logout/").status_code == 200
    answer = browser.post(f"{prefix}accounts/logout/")
    assert answer["Location"] == f"{prefix}accounts/login/"
    assert browser.get(f"{prefix}accounts/password/change/").status_code == 302


def test_a_changed_password_is_the_only_one_and_ends_other_sessions(place, harbor: Client) -> None:
    prefix, browser = place
    user = make.member("CO", harbor, second_factor=False)
    elsewhere = Browser(**browser.defaults)
    for each in (browser, elsewhere):
        sign_in(each, prefix, user)
    new = "another password, longer"
    answer = browser.post(
        f"{prefix}accounts/password/change/",
        {"oldpassword": make.PASSWORD, "password1": new, "password2": new},
    )
    assert answer.status_code == 302
    assert browser.get(f"{prefix}accounts/password/change/").status_code == 200
    assert elsewhere.get(f"{prefix}accounts/password/change/").status_code == 302
    user.refresh_from_db()
    assert user.check_password(new)


def test_a_short_password_is_refused_in_words(place, harbor: Client) -> None:
    prefix, browser = place
    sign_in(browser, prefix, make.member("CO", harbor, second_factor=False))
    page = browser.post(
        f"{prefix}accounts/password/change/",
        {"oldpassword": make.PASSWORD, "password1": "short", "password2": "short"},
    )
    assert "at least 12 characters" in page.content.decode()


def test_a_form_from_elsewhere_is_refused_in_words(place, harbor: Client) -> None:
    prefix, browser = place
    strict = Browser(enforce_csrf_checks=True, **browser.defaults)
    answer = strict.post(f"{prefix}accounts/login/", {"login": "a@example.org", "password": "x"})
    assert answer.status_code == 403
    assert "expired" in answer.content.decode()


def test_the_appearance_is_kept_and_leads_back_only_to_the_portal(place, harbor: Client) -> None:
    prefix, browser = place
    sign_in(browser, prefix, make.member("CO", harbor, second_factor=False))
    answer = browser.post(f"{prefix}accounts/appearance/", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == prefix
    assert 'data-theme="dark"' in browser.get(f"{prefix}accounts/password/change/").content.decode()
    browser.post(f"{prefix}accounts/appearance/", {"theme": '"><script>', "next": prefix})
    assert "data-theme" not in browser.get(f"{prefix}accounts/password/change/").content.decode()


def test_roles_go_where_they_belong(harbor: Client) -> None:
    user = make.person()
    for role, at in (("CA", None), ("MA", harbor), ("AU", harbor)):
        with pytest.raises(ValueError, match=r"client|engagement"):
            give_role(user, role, client=at)
    with pytest.raises(ValueError, match="not of the MSSP"):
        assign(user, client=harbor)


def test_only_a_fresh_code_counts_as_a_step_up(harbor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make.member("MA", harbor, second_factor=False)
    factor = give_second_factor(user)
    browser = Browser()
    sign_in(browser, "/", user)
    browser.post("/accounts/second-factor/code/", {"code": code_of(factor.secret)})

    def stepped_up() -> bool:
        page = browser.get("/")
        return page.wsgi_request.access.standing.step_up

    assert stepped_up()
    later = time.time() + 301
    monkeypatch.setattr("tenants.members.stepup.time.time", lambda: later)
    assert not stepped_up()


def test_what_asks_for_a_fresh_proof_asks_again_later(
    harbor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser()
    sign_in(browser, "/", make.member("CO", harbor, second_factor=False))
    address = "/accounts/second-factor/authenticator/"
    assert browser.get(address).status_code == 200
    later = time.time() + 301
    monkeypatch.setattr("tenants.members.stepup.time.time", lambda: later)
    assert browser.get(address)["Location"].startswith("/accounts/reauthenticate/")
    page = browser.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert "Incorrect password" in page.content.decode()
