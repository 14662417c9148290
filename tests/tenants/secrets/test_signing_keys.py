"""The page of signing keys: who sees it, who makes a new one, and what it asks for first."""

import pytest

from tenants.secrets.models import SigningKey
from tenants.secrets.signing import current_key, public_half
from tests import make

pytestmark = pytest.mark.django_db

PAGE = "/signing-keys/"


def test_an_administrator_of_the_mssp_makes_a_new_key_after_a_fresh_second_factor() -> None:
    admin = make.member("MA")
    browser = make.signed_in(admin)
    before = public_half(current_key())
    assert before.hex()[:16] in browser.get(PAGE).content.decode()
    assert "second-factor/again" in browser.post(PAGE)["Location"]
    assert SigningKey.objects.count() == 1
    make.step_up(browser, admin)
    assert browser.post(PAGE)["Location"] == PAGE
    assert public_half(current_key()) != before
    assert SigningKey.objects.filter(valid_until=None).count() == 1
    page = browser.get(PAGE).content.decode()
    assert public_half(current_key()).hex()[:16] in page
    assert before.hex()[:16] in page


@pytest.mark.parametrize("role", ["AN", "CA", "CO", "EM"])
def test_nobody_else_sees_them(role: str) -> None:
    harbor = make.bare_client("harbor")
    browser = make.signed_in(make.member(role, harbor))
    assert browser.get(PAGE).status_code == 403
    assert browser.post(PAGE).status_code == 403
    assert not SigningKey.objects.exists()
