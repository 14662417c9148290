"""A forgotten password: by mail, once, for an hour; and nobody learns who has an account."""

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client as Browser

from config.celery import app
from tenants.clients.models import Client
from tenants.members.models import User
from tenants.members.services import give_second_factor
from tests import make
from tests.tenants.members.test_sign_in import sign_in

pytestmark = pytest.mark.django_db
NEW = "another password, longer"


@pytest.fixture(autouse=True)
def worker_at_once() -> Iterator[None]:
    """Run tasks where they are sent, as the worker would right after."""
    cache.clear()
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", host="harbor.example")


@pytest.fixture
def user(harbor: Client) -> User:
    return make.member("CO", harbor, second_factor=False)


def ask(email: str, prefix: str = "/", **where: str) -> HttpResponse:
    return Browser(**where).post(f"{prefix}accounts/password/reset/", {"email": email})


def link() -> str:
    found = re.search(r"https?://\S+/accounts/password/reset/\S+/\S+/", mail.outbox[-1].body)
    assert found, mail.outbox[-1].body
    return found[0]


def opened(browser: Browser, address: str) -> str:
    """Follow the link; return where its form is."""
    path = "/" + address.split("/", 3)[3]
    answer = browser.get(path)
    assert answer.status_code == 302, answer.content
    assert "set-password" in answer["Location"]
    return str(answer["Location"])


@pytest.mark.parametrize(
    ("prefix", "where", "begins"),
    [
        ("/", {}, "http://testserver/accounts/"),
        ("/c/harbor/", {}, "http://testserver/c/harbor/accounts/"),
        ("/", {"HTTP_HOST": "harbor.example"}, "http://harbor.example/accounts/"),
    ],
)
def test_the_link_leads_back_to_where_it_was_asked_for_and_sets_a_password(
    user: User, prefix: str, where: dict[str, str], begins: str
) -> None:
    answer = ask(user.email.upper(), prefix, **where)
    assert answer["Location"] == f"{prefix}accounts/password/reset/sent/"
    assert mail.outbox[-1].to == [user.email]
    assert link().startswith(begins)
    browser = Browser(**where)
    form = opened(browser, link())
    assert "again" in browser.get(form).content.decode()
    assert browser.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert "_auth_user_id" not in browser.session, "a new password does not sign in"
    assert sign_in(Browser(**where), prefix, user, NEW).status_code == 302


def test_it_works_once_and_a_second_link_dies_with_the_first(user: User) -> None:
    ask(user.email)
    first = link()
    ask(user.email)
    second = link()
    browser, other = Browser(), Browser()
    form, kept = opened(browser, second), opened(other, first)
    browser.post(form, {"password1": NEW, "password2": NEW})
    for each, address in ((browser, form), (other, kept), (Browser(), "/" + first.split("/", 3)[3])):
        assert "no longer works" in each.get(address).content.decode()
        each.post(address, {"password1": "evil evil evil", "password2": "evil evil evil"})
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_it_expires(user: User, settings: pytest.FixtureRequest) -> None:
    ask(user.email)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "no longer works" in Browser().get("/" + link().split("/", 3)[3]).content.decode()


def test_an_unknown_address_is_told_the_same_and_gets_no_mail(user: User) -> None:
    closed = make.person()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    known = ask(user.email)
    assert len(mail.outbox) == 1
    for address in ("nobody@example.org", closed.email):
        answer = ask(address)
        assert (answer.status_code, answer["Location"], answer.content) == (
            known.status_code,
            known["Location"],
            known.content,
        )
    assert len(mail.outbox) == 1


def test_the_page_itself_mails_nobody_and_does_as_much_for_everybody(
    user: User, django_assert_num_queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr("tenants.members.forms.mail_reset_link.delay", lambda *args: sent.append(args))
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    asked = []
    for address in (user.email, "nobody@example.org"):
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            ask(address)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert [each[0] for each in sent] == [user.email, "nobody@example.org"]
    assert mail.outbox == []


def test_every_session_ends_and_the_second_factor_stays(user: User) -> None:
    factor = give_second_factor(user)
    elsewhere = make.signed_in(user)
    ask(user.email)
    browser = Browser()
    browser.post(opened(browser, link()), {"password1": NEW, "password2": NEW})
    assert elsewhere.get("/accounts/password/change/").status_code == 302
    answer = sign_in(Browser(), "/", user, NEW)
    assert answer["Location"] == "/accounts/second-factor/code/"
    assert factor.secret


@pytest.mark.parametrize(("password", "words"), [("short", "at least 12"), ("password1234", "too common")])
def test_a_weak_password_is_refused_in_words(user: User, password: str, words: str) -> None:
    ask(user.email)
    browser = Browser()
    page = browser.post(opened(browser, link()), {"password1": password, "password2": password})
    assert words in page.content.decode()


def test_asking_too_often_is_refused_alike(user: User) -> None:
    for address in (user.email, "nobody@example.org"):
        answers = [ask(address, REMOTE_ADDR=f"203.0.113.{number}").status_code for number in range(4)]
        assert answers == [302, 302, 302, 429]


@pytest.mark.parametrize("address", ["x/y/", "0/set-password/", f"{'f' * 32}/abc-def/", "%00/x/", "-/-/"])
def test_a_made_up_link_is_refused_in_words(user: User, address: str) -> None:
    answer = Browser().get(f"/accounts/password/reset/{address}")
    assert answer.status_code in (200, 400)
    assert "no longer works" in answer.content.decode() or answer.status_code == 400


def test_a_mail_goes_to_one_host_only(user: User) -> None:
    assert ask(user.email, HTTP_HOST="evil.example").status_code == 404
    ask(user.email, HTTP_X_FORWARDED_HOST="evil.example")
    assert "evil.example" not in mail.outbox[-1].body
    assert len(mail.outbox) == 1
