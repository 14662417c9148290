"""The settings of a client's provider: who sets them, what is kept, what “Test” says, and whom it never asks."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from evidence.ledger.models import LedgerEntry
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.identity import fetch
from tenants.identity.discovery import describe, examine
from tenants.identity.fetch import Provider, Unreachable, may_reach
from tenants.identity.models import IdentityProvider
from tenants.members.models import User
from tenants.members.services import give_second_factor
from tests import make
from tests.tenants.identity import provider as providers
from tests.tenants.members.test_sign_in import code_of

PAGE = "/c/harbor/settings/sign-in/"
FORM = {
    "name": "Acme Login",
    "issuer": "https://login.example.com",
    "oidc_client_id": "proofline",
    "secret": "9f8e7d-very-secret",
    "enabled": "on",
}


@pytest.fixture
def harbor(db: None) -> Client:
    return make.client("harbor", host="harbor.example")


def fresh(role: str, at: Client) -> tuple[Browser, User]:
    """Somebody who proved a second factor just now."""
    user = make.member(role, at, second_factor=False)
    secret = give_second_factor(user).secret
    browser = make.signed_in(user)
    browser.post("/accounts/second-factor/again/", {"code": code_of(secret)})
    return browser, user


def test_an_administrator_of_the_client_sets_it_and_it_is_kept(harbor: Client) -> None:
    browser, user = fresh("CA", harbor)
    assert 'name="issuer"' in browser.get(PAGE).content.decode()
    assert browser.post(PAGE, FORM)["Location"] == PAGE
    kept = IdentityProvider.objects.get()
    assert (kept.client, kept.name, kept.changed_by, kept.second_factor) == (
        harbor,
        "Acme Login",
        user,
        False,
    )
    assert b"very-secret" not in bytes(kept.secret_encrypted)
    page = browser.get(PAGE).content.decode()
    assert "very-secret" not in page
    assert "http://127.0.0.1:8000/c/harbor/accounts/provider/back/" in page
    assert "http://harbor.example/accounts/provider/back/" in page
    browser.post(PAGE, FORM | {"secret": "", "second_factor": "on", "name": "Other"})
    again = IdentityProvider.objects.get()
    assert bytes(again.secret_encrypted) == bytes(kept.secret_encrypted)
    assert again.second_factor
    assert browser.get(f"{PAGE}remove/").status_code == 200
    browser.post(f"{PAGE}remove/")
    assert not IdentityProvider.objects.exists()
    with at_client(harbor):
        leaves = [
            bytes(each.leaf).decode() for each in LedgerEntry.objects.filter(ref="identity").order_by("seq")
        ]
    assert len(leaves) == 3
    assert all(str(user.pk) in each and "very-secret" not in each for each in leaves)
    assert ['"changed"' in leaves[0], '"kept"' in leaves[1], "identity.remove" in leaves[2]] == [True] * 3


def test_without_a_fresh_factor_it_is_asked_for_first(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    page = browser.get(PAGE).content.decode()
    assert 'name="issuer"' not in page
    assert f"/c/harbor/accounts/second-factor/again/?next={PAGE}" in page
    assert "/second-factor/again/" in browser.post(PAGE, FORM)["Location"]
    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize("role", ["MA", "AN", "CO", "EM", "AU"])
def test_nobody_else_sets_it(harbor: Client, role: str) -> None:
    if role == "AU":
        browser = make.signed_in(make.auditor(harbor))
    else:
        browser, _ = fresh(role, harbor)
    assert browser.get(PAGE).status_code == (200 if role in ("MA", "AN") else 403)
    assert browser.post(PAGE, FORM).status_code == 403
    assert browser.post(f"{PAGE}remove/").status_code == 403
    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize(
    "issuer",
    ["http://login.example.com", "https://", "login.example.com", "https://a:b@example.com", "https://x/?q=1",
     "javascript:alert(1)", "file:///etc/passwd", "https://[::1", "ftp://example.com", "https://x/#f", ""],
)  # fmt: skip
def test_an_issuer_that_is_no_https_address_is_refused_in_words(harbor: Client, issuer: str) -> None:
    browser, _ = fresh("CA", harbor)
    answer = browser.post(PAGE, FORM | {"issuer": issuer})
    assert answer.status_code == 422
    assert "https://login.example.com" in answer.content.decode()
    assert not IdentityProvider.objects.exists()


def test_a_secret_is_needed_once(harbor: Client) -> None:
    browser, _ = fresh("CA", harbor)
    assert browser.post(PAGE, FORM | {"secret": ""}).status_code == 422


def test_test_says_what_works_and_what_does_not_and_changes_nothing(
    harbor: Client, settings: pytest.FixtureRequest
) -> None:
    settings.IDENTITY_PROVIDERS_ON_LOOPBACK = True
    browser, _ = fresh("CA", harbor)
    with providers.running() as good:
        page = browser.post(PAGE, FORM | {"issuer": good.issuer, "test": "1"}).content.decode()
        assert "answers, describes itself, and shows 1 key." in page
        assert good.issuer in page
    page = browser.post(PAGE, FORM | {"issuer": good.issuer, "test": "1"}).content.decode()
    assert "cannot be reached" in page
    assert not IdentityProvider.objects.exists()


# Whom it never asks ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "::",  # noqa: S104
     "224.0.0.1", "255.255.255.255", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "192.0.2.1", "198.18.0.1",
     "2001:db8::1", "240.0.0.1"],
)  # fmt: skip
def test_no_address_inside_is_reached(address: str) -> None:
    assert not may_reach(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are(address: str) -> None:
    assert may_reach(address)


def test_loopback_is_reached_only_where_the_setting_says_so(settings: pytest.FixtureRequest) -> None:
    settings.IDENTITY_PROVIDERS_ON_LOOPBACK = True
    assert may_reach("127.0.0.1")
    assert not may_reach("10.0.0.1")


class Listener:
    """Somebody inside who must not hear a word."""

    def __init__(self) -> None:
        self.heard = 0
        self.server = make_server("127.0.0.1", 0, self._answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start: Any) -> Any:
        self.heard += 1
        return Response("secrets")(environ, start)


@pytest.fixture
def listener() -> Iterator[Listener]:
    inside = Listener()
    yield inside
    inside.server.shutdown()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",  # noqa: S104
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_inside_hears_of_it(listener: Listener, host: str, scheme: str) -> None:
    with pytest.raises(Unreachable, match=r"private network|no HTTPS address|not known"):
        describe(f"{scheme}://{host}:{listener.server.server_port}")
    assert listener.heard == 0


def test_a_name_that_leads_inside_is_not_asked(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, **more: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("8.8.8.8", "127.0.0.1")
        ]

    monkeypatch.setattr(fetch.socket, "getaddrinfo", answer)
    with pytest.raises(Unreachable, match="private network"):
        describe(f"https://rebound.example:{listener.server.server_port}")
    assert listener.heard == 0


class _Held:
    def __init__(self, held: dict[str, Response]) -> None:
        self.held = held

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        return self.held["answer"](environ, start)


@pytest.fixture
def answering(settings: pytest.FixtureRequest) -> Iterator[Any]:
    """A server on this machine that gives one answer to everything; yields how to say which."""
    settings.IDENTITY_PROVIDERS_ON_LOOPBACK = True
    held: dict[str, Response] = {}
    server = make_server("127.0.0.1", 0, _Held(held), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def give(answer: Response) -> str:
        held["answer"] = answer
        return f"http://127.0.0.1:{server.server_port}"

    yield give
    server.shutdown()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response("no", 404), "answered 404"),
        (Response("<html>"), "no JSON"),
        (Response("[]"), "describes no provider"),
        (Response('{"issuer": "https://other.example"}'), "calls itself “https://other.example”"),
        (Response("", 302, {"Location": "http://169.254.169.254/"}), "leads to another address"),
        (Response("x" * 600_000), "more than 512 KiB"),
    ],
)
def test_what_is_wrong_is_said_in_words(answering: Any, answer: Response, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        examine(answering(answer))


def test_a_description_that_lacks_something_is_named(answering: Any) -> None:
    issuer = answering(Response())
    answering(
        Response(
            f'{{"issuer": "{issuer}", "authorization_endpoint": "https://x", "token_endpoint": "https://x"}}'
        )
    )
    with pytest.raises(Unreachable, match="jwks_uri"):
        examine(issuer)


def test_endpoints_that_lead_inside_are_not_asked(answering: Any) -> None:
    issuer = answering(Response())
    places = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), "https://10.0.0.1/")
    answering(Response(json.dumps({"issuer": issuer, **places})))
    with pytest.raises(Unreachable, match="private network"):
        examine(issuer)


def test_a_slow_provider_is_given_up(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LONGEST", -1.0)
    with pytest.raises(Unreachable, match="took longer"):
        Provider().get(answering(Response("x")))
