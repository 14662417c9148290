"""Second factors: whoever needs one keeps one, and recovery codes count down."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.members.services import give_second_factor
from tests import make
from tests.tenants.members.test_sign_in import code_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_counters():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", host="harbor.example")


def in_with_password(user: User, **where: str) -> Browser:
    """A browser that proved the password just now, and needs no factor to get this far."""
    browser = Browser(**where)
    kept = list(Authenticator.objects.filter(user=user))
    Authenticator.objects.filter(user=user).delete()
    sign_in(browser, "/", user)
    Authenticator.objects.bulk_create(kept)
    return browser


def passkey(user: User, name: str = "Blue key", host: str = "testserver") -> Authenticator:
    """A row as a passkey leaves it; what it answered is of no interest to these tests."""
    return Authenticator.objects.create(
        user=user, type="webauthn", data={"name": name, "credential": {"host": host}}
    )


@pytest.mark.parametrize("role", ["MA", "AN", "CA", "AU"])
@pytest.mark.parametrize("kind", ["totp", "webauthn"])
def test_the_last_factor_of_a_role_that_needs_one_stays(harbor: Client, role: str, kind: str) -> None:
    user = make.auditor(harbor) if role == "AU" else make.member(role, harbor)
    if kind == "webauthn":
        Authenticator.objects.filter(user=user, type="totp").delete()
        address = reverse("mfa_remove_webauthn", args=[passkey(user).pk])
    else:
        address = reverse("mfa_deactivate_totp")
    browser = in_with_password(user)
    for answer in (browser.get(address), browser.post(address)):
        assert "this is your last one" in answer.content.decode()
        assert ">Remove<" not in answer.content.decode()
    assert Authenticator.objects.filter(user=user, type=kind).count() == 1


@pytest.mark.parametrize("kind", ["totp", "webauthn"])
def test_one_of_two_factors_may_go(harbor: Client, kind: str) -> None:
    user = make.member("CA", harbor)
    key = passkey(user)
    browser = in_with_password(user)
    key = Authenticator.objects.get(user=user, type="webauthn")
    address = (
        reverse("mfa_deactivate_totp") if kind == "totp" else reverse("mfa_remove_webauthn", args=[key.pk])
    )
    assert browser.post(address).status_code == 302
    assert not Authenticator.objects.filter(user=user, type=kind).exists()
    assert Authenticator.objects.filter(user=user, type="recovery_codes").exists()


def test_whoever_needs_none_may_remove_the_last(harbor: Client) -> None:
    user = make.member("CO", harbor)
    browser = in_with_password(user)
    assert browser.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.filter(user=user).exists()


def test_a_passkey_counts_as_the_factor_that_a_role_needs(harbor: Client) -> None:
    user = make.member("CA", harbor, second_factor=False)
    assert make.signed_in(user).get("/c/harbor/")["Location"].endswith("/second-factor/authenticator/")
    passkey(user)
    assert make.signed_in(user).get("/c/harbor/").status_code == 200


def test_the_page_says_to_which_host_a_passkey_is_bound(harbor: Client) -> None:
    user = make.member("CO", harbor)
    passkey(user, "Desk", host="soc.example")
    browser = in_with_password(user)
    assert "at soc.example" in browser.get(reverse("mfa_index")).content.decode()
    plain = make.member("CO", harbor, second_factor=False)
    for host in ("testserver", "harbor.example"):
        browser = Browser(HTTP_HOST=host)
        sign_in(browser, "/", plain)
        assert (
            f'bound to the host <strong class="mono">{host}<'
            in browser.get(reverse("mfa_add_webauthn")).content.decode()
        )


def test_anothers_passkey_is_not_there(harbor: Client) -> None:
    theirs = passkey(make.member("CO", harbor))
    browser = in_with_password(make.member("CO", harbor))
    for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        assert browser.post(reverse(name, args=[theirs.pk]), {"name": "x"}).status_code == 404
    assert Authenticator.objects.filter(pk=theirs.pk).exists()


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "1", '{"id": 1}', '{"id": "AA", "response": {}}'])
@pytest.mark.parametrize("name", ["mfa_add_webauthn", "mfa_reauthenticate_webauthn"])
def test_what_no_passkey_answers_is_refused_in_words(harbor: Client, name: str, answer: str) -> None:
    user = make.member("CO", harbor)
    browser = in_with_password(user)
    browser.get(reverse("mfa_add_webauthn"))
    refused = browser.post(reverse(name), {"name": "x", "credential": answer}, follow=True)
    assert refused.status_code == 200
    assert not Authenticator.objects.filter(user=user, type="webauthn").exists()


def test_recovery_codes_count_down_and_warn(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    codes = give_second_factor(user).recovery_codes
    for used, code in enumerate(codes, start=1):
        browser = Browser()
        sign_in(browser, "/", user)
        assert browser.post("/accounts/second-factor/code/", {"code": code}).status_code == 302
        page = browser.get(reverse("mfa_index")).content.decode()
        left = 10 - used
        if left:
            assert f"{left} of 10 are unused" in page
            assert ("one is left" if left == 1 else f"{left} are left") in page
            assert ("few left" in page) == (left <= 3)
        else:
            assert "That was your last recovery code" in page
            assert "none left" in page


def test_a_fresh_proof_without_a_factor_leads_to_setting_one_up(harbor: Client) -> None:
    browser = in_with_password(make.member("CO", harbor, second_factor=False))
    answer = browser.get(reverse("mfa_reauthenticate"))
    assert answer["Location"] == reverse("mfa_index")
    assert "you have none yet" in browser.get(answer["Location"]).content.decode()


def test_the_fresh_proof_offers_what_the_person_has(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    factor = give_second_factor(user)
    browser = make.signed_in(user)
    page = browser.get(f"{reverse('mfa_reauthenticate')}?next=/c/harbor/").content.decode()
    assert "Confirm by passkey" not in page
    done = browser.post(reverse("mfa_reauthenticate"), {"code": code_of(factor.secret), "next": "/c/harbor/"})
    assert done["Location"] == "/c/harbor/"
