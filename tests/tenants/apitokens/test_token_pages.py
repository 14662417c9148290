"""The tokens' tab: who sees which, making one after a fresh second factor, revoking."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evidence.intake.sources import connect
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import authenticate, create
from tenants.clients.models import Client
from tenants.members.services import give_role
from tests import make

LIST = "/c/harbor/settings/tokens/"


def asked(**more: object) -> dict[str, object]:
    return {"name": "Nightly export", "role": "CA", "source": "", "days": 30, **more}


def test_a_token_is_made_after_a_fresh_second_factor_and_shown_once(harbor: Client) -> None:
    user = make.member("CA", harbor)
    connect("aws", at=timezone.now())
    for answer in (
        make.signed_in(user).get(f"{LIST}new/"),
        make.signed_in(user).post(f"{LIST}new/", asked()),
    ):
        assert "accounts/second-factor/again/" in answer["Location"]
    assert not ApiToken.objects.exists()
    browser = make.stepped_up(user)
    assert "AWS CloudTrail" in browser.get(f"{LIST}new/").content.decode()
    answer = browser.post(f"{LIST}new/", asked(source="aws", writes="on"))
    assert answer["Cache-Control"] == "no-store"
    (secret,) = re.findall(r"plapi_[0-9a-f]{12}_[\w-]{43}", answer.content.decode())
    token = authenticate(secret, client=harbor, at=timezone.now())
    assert token is not None
    assert (token.role, token.source, token.writes, token.created_by) == ("CA", "aws", True, user)
    page = browser.get(LIST).content.decode()
    assert "Nightly export" in page
    assert "read and change" in page
    assert secret not in page


@pytest.mark.parametrize(
    "wrong",
    [{"role": "MA"}, {"days": 366}, {"days": 0}, {"name": ""}, {"source": "okta"}, {"name": "x" * 61}],
)
def test_what_cannot_be_is_refused_beside_its_field(harbor: Client, wrong: dict[str, object]) -> None:
    browser = make.stepped_up(make.member("CA", harbor))
    answer = browser.post(f"{LIST}new/", asked(**wrong))
    assert answer.status_code == 200
    assert 'class="wrong"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_administrators_and_assigned_analysts_see_all_and_others_their_own(harbor: Client) -> None:
    owner = make.member("CA", harbor)
    other = make.member("CA", harbor)
    for user, name in ((owner, "of the owner"), (other, "of the other")):
        create(user, client=harbor, name=name, role="CO", at=timezone.now())
    give_role(owner, "CO", client=harbor)
    seen = {}
    for who, user in {
        "CA": other,
        "AN": make.member("AN", harbor),
        "own": owner,
        "CO": make.member("CO", harbor),
        "AU": make.auditor(harbor),
    }.items():
        page = make.signed_in(user).get(LIST).content.decode()
        seen[who] = ("of the owner" in page, "of the other" in page, "Make a token" in page)
    assert seen == {
        "CA": (True, True, True),
        "AN": (True, True, True),
        "own": (True, False, False),
        "CO": (False, False, False),
        "AU": (False, False, False),
    }
    assert make.signed_in(make.member("EM", harbor)).get(LIST).status_code == 403


def test_revoking_is_confirmed_and_immediate(harbor: Client) -> None:
    user = make.member("CA", harbor)
    created = create(user, client=harbor, name="Export", role="CA", at=timezone.now())
    browser = make.signed_in(make.member("CA", harbor))
    address = f"{LIST}{created.token.pk}/revoke/"
    assert "Revoke this token?" in browser.get(address).content.decode()
    assert authenticate(created.secret, client=harbor, at=timezone.now()) is not None
    assert browser.post(address)["Location"] == LIST
    assert authenticate(created.secret, client=harbor, at=timezone.now()) is None
    page = browser.get(LIST).content.decode()
    assert "revoked" in page
    assert address not in page


def test_nobody_revokes_what_is_not_theirs_to(harbor: Client) -> None:
    created = create(make.member("CA", harbor), client=harbor, name="Export", role="CA", at=timezone.now())
    for role, status in (("CO", 404), ("EM", 403)):
        browser = make.signed_in(make.member(role, harbor))
        assert browser.post(f"{LIST}{created.token.pk}/revoke/").status_code == status
    assert ApiToken.objects.get().revoked_at is None


def test_the_list_needs_as_many_queries_at_a_thousand_tokens_as_at_ten(harbor: Client) -> None:
    user = make.member("CA", harbor)
    now = timezone.now()
    browser = make.signed_in(user)
    browser.get(LIST)

    def more(start: int, stop: int) -> int:
        ApiToken.objects.bulk_create(
            ApiToken(
                user=user, client=harbor, role="CA", name=f"t{n}", prefix=f"{n:012x}", secret_sha256="",
                created_at=now, created_by=user, expires_at=now,
            )
            for n in range(start, stop)
        )  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(LIST).status_code == 200
        return len(queries)

    assert more(0, 10) == more(10, 1000)
