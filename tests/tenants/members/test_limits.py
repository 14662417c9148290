"""Guessing: what is counted, what the answer says, and that nothing tells a known address from an unknown one."""

import re
import time
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client as Browser

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.members.services import give_second_factor, make_person
from tests import make
from tests.tenants.members.test_sign_in import code_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_counters() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor")


@pytest.fixture
def user(harbor: Client) -> User:
    return make.member("CO", harbor, second_factor=False)


def guess(mail: str, password: str = "wrong", *, address: str = "203.0.113.7") -> HttpResponse:
    return Browser(REMOTE_ADDR=address).post("/accounts/login/", {"login": mail, "password": password})


def test_the_answer_says_when_to_try_again_in_words_and_as_a_header(user: User) -> None:
    for number in range(5):
        assert guess(user.email, address=f"203.0.113.{number}").status_code == 200
    answer = guess(user.email, make.PASSWORD, address="203.0.113.99")
    assert answer.status_code == 429
    assert 290 <= int(answer["Retry-After"]) <= 300
    assert re.search(r"Try again in [45] min, after <time", answer.content.decode())


def test_it_opens_again_after_that_time(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        guess(user.email, address=f"203.0.113.{number}")
    wait = int(guess(user.email, make.PASSWORD)["Retry-After"])
    later = time.time() + wait + 1
    monkeypatch.setattr("tenants.members.stepup.time.time", lambda: later)
    assert guess(user.email, make.PASSWORD).status_code == 302


def test_known_and_unknown_addresses_are_locked_alike(user: User) -> None:
    invited = make_person("invited@example.org", name="No password yet")
    told = {}
    for mail in (user.email, invited.email, "nobody@example.org"):
        answers = [guess(mail, address=f"198.51.100.{number}") for number in range(6)]
        told[mail] = [
            (
                each.status_code,
                re.sub(r"in \d min|<time.*?</time>|csrf.*?>|value=\S+", "", each.content.decode()),
            )
            for each in answers
        ]
    assert told[user.email] == told[invited.email] == told["nobody@example.org"]


def test_known_and_unknown_addresses_take_as_much_work(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    invited = make_person("invited@example.org", name="No password yet")
    closed = make.person()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    hashed: list[str] = []
    plain = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str, **more: object) -> str:
        hashed.append(password)
        return str(plain(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    work = {}
    for mail in (user.email, invited.email, closed.email, "nobody@example.org"):
        hashed.clear()
        guess(mail)
        work[mail] = len(hashed)
    assert len(set(work.values())) == 1, work
    assert work[user.email] > 0


def test_success_forgets_the_failures_of_the_account(user: User) -> None:
    for _ in range(3):
        for number in range(4):
            assert guess(user.email, address=f"203.0.113.{number}").status_code == 200
        assert guess(user.email, make.PASSWORD, address="203.0.113.9").status_code == 302


def test_success_does_not_forget_the_failures_of_an_address(harbor: Client, user: User) -> None:
    for number in range(10):
        guess(f"victim{number}@example.org")
        if number == 5:
            assert guess(user.email, make.PASSWORD).status_code == 302
    assert guess("victim@example.org").status_code == 429


def test_an_accounts_spelling_does_not_matter(user: User) -> None:
    for number, mail in enumerate(
        (user.email, user.email.upper(), f" {user.email}", user.email.title(), user.email)
    ):
        guess(mail, address=f"203.0.113.{number}")
    assert guess(user.email, make.PASSWORD, address="203.0.113.99").status_code == 429


def half_in(user: User) -> Browser:
    browser = Browser()
    sign_in(browser, "/", user)
    return browser


def test_guessing_codes_is_limited_by_person_whatever_the_browser(user: User) -> None:
    secret = give_second_factor(user).secret
    for number in range(5):
        browser = half_in(user)
        browser.defaults["REMOTE_ADDR"] = f"203.0.113.{number}"
        assert browser.post("/accounts/second-factor/code/", {"code": "000000"}).status_code == 200
    answer = half_in(user).post("/accounts/second-factor/code/", {"code": code_of(secret)})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 200


def test_guessing_codes_is_limited_by_day_as_well(user: User, settings: pytest.FixtureRequest) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login_failed": "1000/m/key"}
    secret = give_second_factor(user).secret
    browser = half_in(user)
    for _ in range(50):
        assert browser.post("/accounts/second-factor/code/", {"code": "00000000"}).status_code == 200
    answer = browser.post("/accounts/second-factor/code/", {"code": code_of(secret)})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 80_000


def test_a_right_code_forgets_the_wrong_ones(user: User) -> None:
    codes = give_second_factor(user).recovery_codes
    for code in codes[:3]:
        browser = half_in(user)
        for _ in range(3):
            assert browser.post("/accounts/second-factor/code/", {"code": "00000000"}).status_code == 200
        assert browser.post("/accounts/second-factor/code/", {"code": code}).status_code == 302


def test_the_fresh_proof_is_limited_too(user: User) -> None:
    secret = give_second_factor(user).secret
    browser = make.signed_in(user)
    for _ in range(5):
        assert browser.post("/accounts/second-factor/again/", {"code": "000000"}).status_code == 200
    assert browser.post("/accounts/second-factor/again/", {"code": code_of(secret)}).status_code == 429


def test_a_fresh_proof_does_not_take_a_code_twice(user: User) -> None:
    secret = give_second_factor(user).secret
    browser = half_in(user)
    code = code_of(secret)
    assert browser.post("/accounts/second-factor/code/", {"code": code}).status_code == 302
    assert browser.post("/accounts/second-factor/again/", {"code": code}).status_code == 200
    assert (
        browser.post(
            "/c/harbor/accounts/second-factor/again/", {"code": f"{code[:3]} {code[3:]}"}
        ).status_code
        == 200
    )


def test_the_password_confirms_as_well(user: User) -> None:
    browser = make.signed_in(user)
    answer = browser.post(
        "/accounts/reauthenticate/", {"password": make.PASSWORD, "next": "/accounts/sessions/"}
    )
    assert answer["Location"] == "/accounts/sessions/"
