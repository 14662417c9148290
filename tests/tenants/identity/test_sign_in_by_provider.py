"""Signing in by a client's own provider: a real one, through every redirect; and everything that must not work."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from tenants.clients.models import Client
from tenants.identity.models import IdentityProvider
from tenants.identity.services import remove_provider, set_provider
from tenants.members.models import Membership, User
from tenants.members.services import give_role, give_second_factor
from tests import make
from tests.tenants.identity import provider as providers
from tests.tenants.identity.provider import Running, path_of
from tests.tenants.members.test_sign_in import code_of

pytestmark = pytest.mark.django_db
START = "/c/harbor/accounts/provider/"
BACK = "/c/harbor/accounts/provider/back/"


@pytest.fixture(autouse=True)
def on_this_machine(settings: pytest.FixtureRequest) -> Iterator[None]:
    settings.IDENTITY_PROVIDERS_ON_LOOPBACK = True
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with providers.running() as started:
        yield started


@pytest.fixture
def provider(shared: Running) -> Running:
    shared.answers.clear()
    shared.queries.clear()
    shared.hosts.clear()
    return shared


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", host="harbor.example")


@pytest.fixture
def larkfield() -> Client:
    return make.client("larkfield")


def given(client: Client, at: Running, *, second_factor: bool = False, name: str = "Acme Login") -> None:
    set_provider(
        client,
        name=name,
        issuer=at.issuer,
        oidc_client_id="proofline",
        secret="not so secret",
        enabled=True,
        second_factor=second_factor,
        by=make.person(),
        at=timezone.now(),
    )


def dance(
    at: Running,
    subject: str,
    *,
    browser: Browser | None = None,
    start: str = START,
    **claims: object,
) -> tuple[Browser, HttpResponse]:
    """Begin here, sign in there, come back; return the browser and the last answer."""
    browser = browser or Browser()
    at.knows(subject, **claims)
    begun = browser.get(start)
    assert begun.status_code == 302, begun.content
    return browser, browser.get(path_of(at.consents(begun["Location"], subject)))


def inside(browser: Browser, slug: str = "harbor") -> bool:
    return browser.get(f"/c/{slug}/accounts/password/change/").status_code == 200


def refused(answer: HttpResponse, words: str) -> None:
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert "You are not signed in" in answer.content.decode()


def verified(user: User) -> dict[str, object]:
    return {"email": user.email, "email_verified": True}


# What works ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_of_the_client_signs_in_and_is_linked(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    people = User.objects.count()
    browser, answer = dance(provider, "s-1", **verified(user))
    assert (answer.status_code, answer["Location"]) == (302, "/c/harbor/")
    assert inside(browser)
    linked = SocialAccount.objects.get()
    assert (linked.user, linked.uid) == (user, "s-1")
    assert User.objects.count() == people
    assert not SocialApp.objects.exists()
    assert not SocialToken.objects.exists()
    user.refresh_from_db()
    assert user.check_password(make.PASSWORD)  # the password stays


def test_the_request_carries_state_nonce_and_a_challenge(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    asked = [
        {
            name: values[0]
            for name, values in parse_qs(urlsplit(Browser().get(START)["Location"]).query).items()
        }
        for _ in range(2)
    ]
    for one in asked:
        assert one["response_type"] == "code"
        assert one["code_challenge_method"] == "S256"
        assert set(one["scope"].split()) == {"openid", "profile", "email"}
        assert one["redirect_uri"] == f"http://testserver{BACK}"
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name] for one in asked}) == 2
        assert min(len(one[name]) for one in asked) >= 16


def test_a_visitor_adds_nothing_to_the_request(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    address = f"{START}?process=connect&scope=admin&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example"
    asked = parse_qs(urlsplit(Browser().get(address)["Location"]).query)
    assert "admin" not in asked["scope"][0]
    assert asked["redirect_uri"] == [f"http://testserver{BACK}"]


@pytest.mark.parametrize(
    ("next_", "arrives"),
    [
        ("/c/harbor/controls/", "/c/harbor/controls/"),
        ("https://evil.example/", "/c/harbor/"),
        ("//evil", "/c/harbor/"),
    ],
)
def test_one_arrives_where_one_was_going_and_nowhere_else(
    harbor: Client, provider: Running, next_: str, arrives: str
) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    _, answer = dance(provider, "s-1", start=f"{START}?next={next_}", **verified(user))
    assert answer["Location"] == arrives


def test_the_sign_in_page_of_the_client_offers_it_and_no_other(
    harbor: Client, larkfield: Client, provider: Running
) -> None:
    given(harbor, provider)
    page = Browser().get("/c/harbor/accounts/login/?next=/c/harbor/controls/").content.decode()
    assert "Sign in with Acme Login" in page
    assert f'href="{START}?next=%2Fc%2Fharbor%2Fcontrols%2F"' in page
    for address in ("/accounts/login/", "/c/larkfield/accounts/login/", "/c/nowhere/accounts/login/"):
        assert "Acme Login" not in Browser().get(address).content.decode()
    for address in (
        "/c/larkfield/accounts/provider/",
        "/c/nowhere/accounts/provider/",
        "/accounts/provider/",
    ):
        for more in ("", "back/"):
            assert Browser().get(address + more).status_code == 404
    IdentityProvider.objects.update(enabled=False)
    assert "Acme Login" not in Browser().get("/c/harbor/accounts/login/").content.decode()
    assert Browser().get(START).status_code == 404


def test_it_works_at_a_host_of_the_clients_own(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    browser = Browser(HTTP_HOST="harbor.example")
    _, answer = dance(provider, "s-1", browser=browser, start="/accounts/provider/", **verified(user))
    assert answer["Location"] == "/"
    assert browser.get("/accounts/password/change/").status_code == 200


def test_a_link_stays_when_the_mail_address_changes_at_the_provider(
    harbor: Client, provider: Running
) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    dance(provider, "s-1", **verified(user))
    browser, _ = dance(provider, "s-1", email="married@example.org", email_verified=False)
    assert inside(browser)
    assert browser.get(BACK).wsgi_request.user == user


def test_a_mail_address_that_only_userinfo_tells_will_do(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    provider.queries["/oauth2/authorize"] = lambda query: query.update(scope="openid email")
    browser, _ = dance(provider, "s-1", **verified(user))
    assert inside(browser)


# Whom it does not sign in ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email_verified": False}, "does not vouch for your mail address"),
        ({"email_verified": None}, "does not vouch for your mail address"),
        ({"email_verified": "yes"}, "does not vouch for your mail address"),
        ({"email_verified": 1.5}, "does not vouch for your mail address"),
        ({"email": None, "email_verified": True}, "did not say your mail address"),
        ({"email": ["a"], "email_verified": True}, "did not say your mail address"),
    ],
)
def test_an_address_that_is_not_verified_links_nobody(
    harbor: Client, provider: Running, claims: dict[str, object], words: str
) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    browser, answer = dance(provider, "s-unverified", **{"email": user.email} | claims)
    refused(answer, words)
    assert not inside(browser)
    assert not SocialAccount.objects.exists()


def test_whoever_has_no_account_gets_none(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    before = User.objects.count()
    browser, answer = dance(provider, "s-new", email="new@example.org", email_verified=True)
    refused(answer, "People come by invitation")
    assert User.objects.count() == before
    assert not inside(browser)


@pytest.mark.parametrize(
    "who", ["of another client", "left", "analyst", "MSSP and client", "auditor", "auditor too"]
)
def test_nobody_but_the_clients_own_people_is_signed_in(
    harbor: Client, larkfield: Client, provider: Running, who: str
) -> None:
    given(harbor, provider)
    if who == "of another client":
        user = make.member("CO", larkfield)
    elif who == "auditor":
        user = make.auditor(harbor)
    elif who == "analyst":
        user = make.member("AN", harbor)
    else:
        user = make.member("CO", harbor, second_factor=False)
    if who == "left":
        Membership.objects.filter(user=user).update(active=False)
    if who == "MSSP and client":
        give_role(user, "MA")
    if who == "auditor too":
        make.engagement_of(larkfield, user)
    browser, answer = dance(provider, f"s-{who}", **verified(user))
    refused(answer, "Nobody here has the address")
    assert not inside(browser)
    assert not SocialAccount.objects.exists()


def test_a_link_ends_with_the_membership(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    dance(provider, "s-1", **verified(user))
    Membership.objects.filter(user=user).update(active=False)
    browser, answer = dance(provider, "s-1", **verified(user))
    refused(answer, "has ended")
    assert not inside(browser)


def test_a_closed_account_stays_closed(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    User.objects.filter(pk=user.pk).update(is_active=False)
    browser, answer = dance(provider, "s-1", **verified(user))
    assert answer["Location"] == "/c/harbor/accounts/inactive/"
    assert not inside(browser)


def test_an_address_given_to_somebody_else_does_not_open_the_account(
    harbor: Client, provider: Running
) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    dance(provider, "s-1", **verified(user))
    browser, answer = dance(provider, "s-2", **verified(user))
    refused(answer, "linked to another person at the provider")
    assert not inside(browser)


def test_the_same_subject_at_another_client_or_issuer_is_another_person(
    harbor: Client, larkfield: Client, provider: Running
) -> None:
    given(harbor, provider)
    given(larkfield, provider)
    victim = make.member("CO", harbor, second_factor=False)
    dance(provider, "s-1", **verified(victim))
    _, answer = dance(
        provider, "s-1", start="/c/larkfield/accounts/provider/", email=victim.email, email_verified=True
    )
    refused(answer, "Nobody here has the address")
    with providers.running() as other:
        given(harbor, other)
        _, answer = dance(other, "s-1", email="evil@example.org", email_verified=True)
        refused(answer, "People come by invitation")


# Bound to the client ──────────────────────────────────────────────────────────────────────────────────


def test_the_session_counts_at_its_client_alone(harbor: Client, larkfield: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    give_role(user, "CO", client=larkfield)
    browser, _ = dance(provider, "s-1", **verified(user))
    assert inside(browser)
    for address in ("/", "/c/larkfield/", "/c/nowhere/", "/accounts/password/change/", "/accounts/sessions/"):
        assert "/accounts/login/" in browser.get(address)["Location"], address
        assert browser.get(address.rstrip("/") + "/accounts/login/").status_code in (200, 404)
    assert inside(browser), "it was set aside, not ended"


def test_signing_in_elsewhere_by_password_takes_nothing_of_the_provider_along(
    harbor: Client, larkfield: Client, provider: Running
) -> None:
    given(harbor, provider, second_factor=True)
    user = make.member("CA", harbor, second_factor=False)
    give_role(user, "CA", client=larkfield)
    browser, _ = dance(provider, "s-1", amr=["mfa"], auth_time=int(time.time()), **verified(user))
    assert browser.get("/c/harbor/").status_code == 200
    browser.post("/c/larkfield/accounts/login/", {"login": user.email, "password": make.PASSWORD})
    # Its own factor is asked for: what Harbor's provider asked for is Harbor's.
    assert browser.get("/c/larkfield/")["Location"].endswith("/second-factor/authenticator/")
    assert browser.get("/c/harbor/")["Location"].endswith("/second-factor/authenticator/")


def test_a_half_finished_sign_in_cannot_be_finished_elsewhere(
    harbor: Client, larkfield: Client, provider: Running
) -> None:
    given(harbor, provider)
    given(larkfield, provider)
    user = make.member("CO", harbor, second_factor=False)
    give_role(user, "CO", client=larkfield)
    factor = give_second_factor(user)
    browser, answer = dance(provider, "s-1", **verified(user))
    assert answer["Location"] == "/c/harbor/accounts/second-factor/code/"
    code = {"code": code_of(factor.secret)}
    for place in ("/", "/c/larkfield/"):
        browser.post(f"{place}accounts/second-factor/code/", code)
        assert browser.get(f"{place}accounts/password/change/").status_code == 302, place


def test_removing_or_changing_the_provider_signs_out_whom_it_signed_in(
    harbor: Client, provider: Running
) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    by_password = make.signed_in(user)
    browser, _ = dance(provider, "s-1", **verified(user))
    given(harbor, provider, name="Renamed")
    assert inside(browser)
    remove_provider(IdentityProvider.objects.get(), by=user, at=timezone.now())
    assert not inside(browser)
    assert inside(by_password)
    assert Browser().get(START).status_code == 404


# Second factors ───────────────────────────────────────────────────────────────────────────────────────

MFA = [{"amr": ["pwd", "mfa"]}, {"acr": "https://refeds.org/profile/mfa"}]
NO_MFA = [{}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": "0"}, {"acr": ["phr"]}, {"amr": {"mfa": True}}]


@pytest.mark.parametrize("claims", MFA)
def test_a_factor_that_the_provider_asked_for_counts_where_the_client_vouches(
    harbor: Client, provider: Running, claims: dict[str, object]
) -> None:
    given(harbor, provider, second_factor=True)
    user = make.member("CA", harbor, second_factor=False)
    give_second_factor(user)
    browser, answer = dance(provider, "s-1", **claims, **verified(user))
    assert answer["Location"] == "/c/harbor/"
    assert browser.get("/c/harbor/").status_code == 200
    Authenticator.objects.all().delete()
    assert browser.get("/c/harbor/").status_code == 200


@pytest.mark.parametrize(
    ("vouched", "claims"), [*((True, each) for each in NO_MFA), *((False, each) for each in MFA)]
)
def test_otherwise_our_own_is_asked_for(
    harbor: Client, provider: Running, vouched: bool, claims: dict[str, object]
) -> None:
    given(harbor, provider, second_factor=vouched)
    enrolled, fresh = (
        make.member("CA", harbor, second_factor=False),
        make.member("CA", harbor, second_factor=False),
    )
    factor = give_second_factor(enrolled)
    browser, answer = dance(provider, "s-1", **claims, **verified(enrolled))
    assert answer["Location"] == "/c/harbor/accounts/second-factor/code/"
    assert not inside(browser)
    browser.post(answer["Location"], {"code": code_of(factor.secret)})
    assert browser.get("/c/harbor/").status_code == 200
    assert "/accounts/login/" in browser.get("/")["Location"]  # bound all the same
    browser, _ = dance(provider, "s-2", **claims, **verified(fresh))
    assert browser.get("/c/harbor/")["Location"].endswith("/second-factor/authenticator/")


def test_a_fresh_proof_is_given_at_the_provider_where_there_is_no_other(
    harbor: Client, provider: Running
) -> None:
    given(harbor, provider, second_factor=True)
    user = make.member("CA", harbor, second_factor=False)
    wanted = "/c/harbor/settings/sign-in/remove/"
    old = {"amr": ["mfa"], "auth_time": int(time.time()) - 3600}
    browser, _ = dance(provider, "s-1", **old, **verified(user))
    led = browser.post(wanted)["Location"]
    assert led.startswith(f"{START}?again=1&next=")
    asked = parse_qs(urlsplit(browser.get(led)["Location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    # A provider that signs in without asking again proves nothing new.
    dance(provider, "s-1", browser=browser, start=led, **old, **verified(user))
    assert browser.post(wanted)["Location"].startswith(START)
    fresh = {"amr": ["mfa"], "auth_time": int(time.time())}
    _, answer = dance(provider, "s-1", browser=browser, start=led, **fresh, **verified(user))
    assert answer["Location"] == wanted
    assert browser.post(wanted)["Location"] == "/c/harbor/settings/sign-in/"


def test_what_the_provider_asked_for_changes_no_credentials_of_the_person(
    harbor: Client, provider: Running
) -> None:
    given(harbor, provider, second_factor=True)
    user = make.member("CO", harbor, second_factor=False)
    give_second_factor(user)
    browser, _ = dance(provider, "s-1", amr=["mfa"], auth_time=int(time.time()), **verified(user))
    assert browser.get("/c/harbor/").wsgi_request.access.standing.step_up
    for address in ("authenticator/remove/", "passkeys/", "recovery/", "recovery/new/", "recovery/file/"):
        for answer in (
            browser.get(f"/c/harbor/accounts/second-factor/{address}"),
            browser.post(f"/c/harbor/accounts/second-factor/{address}"),
        ):
            assert "reauthenticate" in answer.get("Location", "") or answer.status_code == 405, address
    assert Authenticator.objects.filter(user=user, type="totp").exists()


def test_whoever_has_no_password_is_led_to_the_link_for_one(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    user.set_unusable_password()
    user.save()
    browser, _ = dance(provider, "s-1", **verified(user))
    answer = browser.get("/c/harbor/accounts/password/change/")
    assert answer["Location"] == "/c/harbor/accounts/password/reset/"


# What is not believed ─────────────────────────────────────────────────────────────────────────────────


def come_back(harbor: Client, provider: Running) -> tuple[Browser, str, User]:
    """Everything up to the way back, which the caller then spoils."""
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    provider.knows("s-1", **verified(user))
    browser = Browser()
    return browser, path_of(provider.consents(browser.get(START)["Location"], "s-1")), user


@pytest.mark.parametrize("state", ["", "wrong", "%00", "x" * 5000])
def test_a_state_that_was_not_given_out_is_refused(harbor: Client, provider: Running, state: str) -> None:
    browser, back, _ = come_back(harbor, provider)
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = browser.get(f"{BACK}?code={code}&state={state}")
    assert answer.status_code in (400, 403)
    assert not inside(browser)


def test_another_browsers_answer_is_refused(harbor: Client, provider: Running) -> None:
    _, back, _ = come_back(harbor, provider)
    victim = Browser()
    victim.get(START)
    refused(victim.get(back), "does not belong to a sign-in that began here")
    assert not inside(victim)


def test_an_answer_counts_once(harbor: Client, provider: Running) -> None:
    browser, back, _ = come_back(harbor, provider)
    assert browser.get(back).status_code == 302
    browser.post("/c/harbor/accounts/logout/")
    refused(browser.get(back), "does not belong to a sign-in that began here")
    assert not inside(browser)


def test_a_replayed_code_is_refused_under_a_new_state_too(harbor: Client, provider: Running) -> None:
    browser, back, _ = come_back(harbor, provider)
    browser.get(back)
    code = parse_qs(urlsplit(back).query)["code"][0]
    other = Browser()
    state = parse_qs(urlsplit(other.get(START)["Location"]).query)["state"][0]
    assert other.get(f"{BACK}?code={code}&state={state}").status_code == 403
    assert not inside(other)


def test_an_answer_for_one_client_is_refused_at_another(
    harbor: Client, larkfield: Client, provider: Running
) -> None:
    browser, back, user = come_back(harbor, provider)
    given(larkfield, provider)
    give_role(user, "CO", client=larkfield)
    assert browser.get(back.replace("harbor", "larkfield")).status_code == 403
    assert not inside(browser, "larkfield")


def other_key() -> dict[str, Any]:
    """A public key that signed nothing."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return dict(RSAAlgorithm.to_jwk(key, as_dict=True))


TOKEN = "/oauth2/token"
BAD = {
    "another issuer": lambda p: p.hosts.update({TOKEN: "evil.example"}),
    "another nonce": lambda p: p.queries.update({"/oauth2/authorize": lambda q: q.update(nonce="other")}),
    "no nonce": lambda p: p.queries.update({"/oauth2/authorize": lambda q: q.pop("nonce")}),
    "alg none": lambda p: p.answers.update({TOKEN: lambda a: a.update(id_token=providers.unsigned(a["id_token"]))}),
    "changed claims": lambda p: p.answers.update(
        {TOKEN: lambda a: a.update(id_token=providers.with_claims(a["id_token"], sub="s-2"))}
    ),
    "no token": lambda p: p.answers.update({TOKEN: lambda a: a.pop("id_token")}),
    "no JWT": lambda p: p.answers.update({TOKEN: lambda a: a.update(id_token="x.y.z")}),
    "other keys": lambda p: p.answers.update({"/jwks": lambda a: a.update(keys=[other_key()])}),
    "no keys": lambda p: p.answers.update({"/jwks": lambda a: a.update(keys=[])}),
    "keys of another kind": lambda p: p.answers.update(
        {"/jwks": lambda a: a.update(keys=[{"kty": "oct", "k": "AAAA", "kid": a["keys"][0]["kid"]}])}
    ),
    "another issuer in its description": lambda p: p.answers.update(
        {"/.well-known/openid-configuration": lambda a: a.update(issuer="https://evil.example")}
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
def test_a_token_that_cannot_be_believed_is_refused(harbor: Client, provider: Running, how: str) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    provider.knows("s-1", **verified(user))
    browser = Browser()
    begun = browser.get(START)["Location"]
    BAD[how](provider)
    answer = browser.get(path_of(provider.consents(begun, "s-1")))
    refused(answer, "rovider" if "description" not in how else "calls itself")
    assert not inside(browser)
    assert not SocialAccount.objects.exists()


def test_an_expired_token_is_refused(harbor: Client) -> None:
    with providers.running(token_age=timedelta(seconds=-120)) as late:
        given(harbor, late)
        user = make.member("CO", harbor, second_factor=False)
        browser, answer = dance(late, "s-1", **verified(user))
        refused(answer, "has expired")
        assert not inside(browser)


def test_a_token_for_another_application_is_refused(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    user = make.member("CO", harbor, second_factor=False)
    provider.queries["/oauth2/authorize"] = lambda query: query.update(client_id="other-application")
    provider.knows("s-1", **verified(user))
    browser = Browser()
    back = provider.consents(browser.get(START)["Location"], "s-1")
    IdentityProvider.objects.update(oidc_client_id="proofline")
    assert browser.get(path_of(back)).status_code == 403
    assert not inside(browser)


def test_canceling_there_says_so_here(harbor: Client, provider: Running) -> None:
    given(harbor, provider)
    browser = Browser()
    state = parse_qs(urlsplit(browser.get(START)["Location"]).query)["state"][0]
    refused(browser.get(f"{BACK}?error=access_denied&state={state}"), "you canceled there")


def test_a_provider_that_does_not_answer_says_so(harbor: Client) -> None:
    with providers.running() as gone:
        given(harbor, gone)
    refused(Browser().get(START), "cannot be reached")
