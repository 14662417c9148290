"""API tokens: made by whom, good for what and how long, and dead in every other state."""

import datetime
import hashlib
import json
from collections.abc import Callable

import pytest

from evidence.intake.sources import connect
from evidence.ledger.models import LedgerEntry
from tenants.access.policy import POLICY, standing
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import (
    ROLES_BELOW,
    Created,
    TokenRefused,
    authenticate,
    create,
    revoke,
    roles_below,
)
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.members.models import Assignment, Membership, Role, User
from tenants.members.services import give_role
from tests import make

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def made(user: User, harbor: Client, role: str = "CA", **more: object) -> Created:
    return create(user, client=harbor, name="Nightly export", role=role, at=AT, **more)  # type: ignore[arg-type]


def test_a_token_is_known_by_its_secret_of_which_only_the_hash_is_kept(harbor: Client) -> None:
    user = make.member("CA", harbor)
    created = made(user, harbor)
    found = authenticate(created.secret, client=harbor, at=AT)
    assert found == created.token
    assert found.user == user
    _, prefix, rest = created.secret.split("_", 2)
    row = ApiToken.objects.values().get()
    assert rest not in str(row)
    assert row["prefix"] == prefix
    assert row["secret_sha256"] == hashlib.sha256(rest.encode()).hexdigest()
    assert (row["expires_at"] - AT, row["writes"], row["source"]) == (90 * DAY, False, "")


def test_making_and_revoking_are_leaves_that_hold_no_secret(harbor: Client) -> None:
    user, other = make.member("CA", harbor), make.member("CA", harbor)
    created = made(user, harbor, writes=True)
    revoke(created.token, by=other, at=AT + DAY)
    revoke(created.token, by=user, at=AT + 2 * DAY)  # it is revoked already
    rows = LedgerEntry.objects.filter(ref=f"token:{created.token.pk}").order_by("seq")
    leaves = [json.loads(bytes(row.leaf)) for row in rows]
    assert [(leaf["kind"], leaf["actor"], leaf["meta"]["act"]) for leaf in leaves] == [
        ("settings", str(user.pk), "token.create"),
        ("settings", str(other.pk), "token.revoke"),
    ]
    assert leaves[0]["meta"]["writes"] is True
    rest = created.secret.split("_", 2)[2]
    assert all(rest not in json.dumps(leaf) for leaf in leaves)
    assert ApiToken.objects.get().revoked_at == AT + DAY


def _revoked(token: ApiToken, harbor: Client) -> None:
    revoke(token, by=token.user, at=AT)


def _deactivated(token: ApiToken, harbor: Client) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


def _ended(token: ApiToken, harbor: Client) -> None:
    Membership.objects.filter(user=token.user_id).update(active=False)


def _lowered(token: ApiToken, harbor: Client) -> None:
    give_role(token.user, "CO", client=harbor)


def _audits(token: ApiToken, harbor: Client) -> None:
    make.engagement_of(harbor, token.user)


@pytest.mark.parametrize("end", [_revoked, _deactivated, _ended, _lowered, _audits])
def test_a_token_ends_with_what_it_rests_on(harbor: Client, end: Callable[..., None]) -> None:
    created = made(make.member("CA", harbor), harbor)
    assert authenticate(created.secret, client=harbor, at=AT) is not None
    end(created.token, harbor)
    assert authenticate(created.secret, client=harbor, at=AT) is None


def test_a_token_of_the_mssp_ends_with_the_assignment(harbor: Client) -> None:
    analyst = make.member("AN", harbor)
    created = made(analyst, harbor, "AN")
    assert authenticate(created.secret, client=harbor, at=AT) is not None
    Assignment.objects.filter(user=analyst).delete()
    assert authenticate(created.secret, client=harbor, at=AT) is None


def test_a_lesser_token_outlives_a_lowered_role(harbor: Client) -> None:
    user = make.member("CA", harbor)
    created = made(user, harbor, "CO")
    give_role(user, "CO", client=harbor)
    assert authenticate(created.secret, client=harbor, at=AT) is not None
    give_role(user, "EM", client=harbor)
    assert authenticate(created.secret, client=harbor, at=AT) is None


def test_a_token_is_good_at_its_client_until_it_expires(harbor: Client) -> None:
    user = make.member("CA", harbor)
    with public():
        larkfield = make.bare_client("larkfield")
    give_role(user, "CA", client=larkfield)
    created = made(user, harbor, days=30)
    almost = AT + 30 * DAY - datetime.timedelta(microseconds=1)
    assert authenticate(created.secret, client=harbor, at=almost) is not None
    assert authenticate(created.secret, client=harbor, at=AT + 30 * DAY) is None
    assert authenticate(created.secret, client=larkfield, at=AT) is None


def test_what_is_nearly_a_secret_is_none(harbor: Client) -> None:
    secret = made(make.member("CA", harbor), harbor).secret
    brand, prefix, rest = secret.split("_", 2)
    other = made(make.member("CA", harbor), harbor).secret
    for wrong in (
        "",
        "\x00",
        prefix,
        rest,
        f"{secret} ",
        f"{secret}\n",
        f"plin_{prefix}_{rest}",
        f"{brand}_{prefix}_{'A' * 43}",
        f"{brand}_{prefix}_{other.split('_', 2)[2]}",
        f"{brand}_{'0' * 12}_{rest}",
        secret.upper(),
        secret + "A" * 100_000,
    ):
        assert authenticate(wrong, client=harbor, at=AT) is None


def test_use_is_noted_at_most_once_a_minute(harbor: Client) -> None:
    secret = made(make.member("CA", harbor), harbor).secret
    noted = []
    for seconds in (0, 1, 59, 60, 61, 119, 120):
        authenticate(secret, client=harbor, at=AT + datetime.timedelta(seconds=seconds))
        noted.append(ApiToken.objects.get().last_used_at)
    assert [(each - AT).seconds for each in noted if each] == [0, 0, 0, 60, 60, 60, 120]


def test_a_refused_token_is_not_noted_as_used(harbor: Client) -> None:
    created = made(make.member("CA", harbor), harbor)
    revoke(created.token, by=created.token.user, at=AT)
    authenticate(created.secret, client=harbor, at=AT)
    assert ApiToken.objects.get().last_used_at is None


def test_a_token_can_be_narrowed_to_a_connected_source(harbor: Client) -> None:
    user = make.member("CA", harbor)
    with pytest.raises(TokenRefused, match="no source"):
        made(user, harbor, source="aws")
    connect("aws", at=AT)
    token = made(user, harbor, source="aws").token
    assert token.reaches("aws")
    assert not token.reaches("okta")
    assert made(user, harbor).token.reaches("okta")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"role": "MA"}, "more than you can"),
        ({"role": "AU"}, "more than you can"),
        ({"role": "nonsense"}, "more than you can"),
        ({"days": 0}, "1 to 365 days"),
        ({"days": 366}, "1 to 365 days"),
        ({"name": "  \n "}, "a name"),
        ({"name": "x" * 61}, "a name"),
        ({"name": "a\x00b"}, "a name"),
        ({"source": "../aws"}, "no source"),
    ],
)
def test_a_token_that_cannot_be_is_refused_in_words(
    harbor: Client, wrong: dict[str, object], words: str
) -> None:
    asked = {"name": "Export", "role": "CA", "client": harbor, "at": AT, **wrong}
    with pytest.raises(TokenRefused, match=words):
        create(make.member("CA", harbor), **asked)  # type: ignore[arg-type]
    assert not ApiToken.objects.exists()
    assert not LedgerEntry.objects.filter(ref__startswith="token:").exists()


def test_nobody_has_a_role_for_a_token_where_they_are_nobody(harbor: Client) -> None:
    with public():
        foreign = make.member("MA", make.bare_client("larkfield"))
    for user in (foreign, make.person()):
        assert roles_below(standing(user, harbor, at=AT)) == []
    mine = standing(make.member("CA", harbor), harbor, at=AT)
    assert roles_below(mine) == [Role.CLIENT_ADMIN, Role.CONTROL_OWNER, Role.EMPLOYEE]


def test_no_lesser_role_may_do_what_the_greater_may_not() -> None:
    for role, below in ROLES_BELOW.items():
        for lesser in below:
            for action, cells in POLICY.items():
                cell = cells.get(lesser)
                # A program shows no second factor and has no function.
                if cell is not None and not cell.words & {"su", "fn"}:
                    assert role in cells, (role, lesser, action)


def test_the_same_secret_is_no_token_of_another_clients_ledger(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    created = made(make.member("CA", larkfield), larkfield)
    assert not LedgerEntry.objects.filter(ref=f"token:{created.token.pk}").exists()
    with at_client(larkfield):
        assert LedgerEntry.objects.filter(ref=f"token:{created.token.pk}").exists()
