"""What may be done with API tokens: make one, revoke it, and tell whose one is that a program shows."""

import datetime
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.db import transaction
from django.db.models import Q

from tenants.access.acts import record_act
from tenants.access.policy import Standing, standing
from tenants.apitokens.models import ApiToken
from tenants.apitokens.sources import sources
from tenants.clients.models import Client
from tenants.members.models import MSSP_ROLES, Role, User

DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 365
_SECRET: Final = re.compile(r"plapi_(?P<prefix>[0-9a-f]{12})_(?P<rest>[A-Za-z0-9_-]{43})")
_NOTED_EVERY: Final = datetime.timedelta(minutes=1)

# The roles that a token of a person may have, by the person's own: no role of a line may do what its first may not.
ROLES_BELOW: Final = MappingProxyType(
    {
        Role.MSSP_ADMIN.value: (Role.MSSP_ADMIN, Role.MSSP_ANALYST),
        Role.MSSP_ANALYST.value: (Role.MSSP_ANALYST,),
        Role.CLIENT_ADMIN.value: (Role.CLIENT_ADMIN, Role.CONTROL_OWNER, Role.EMPLOYEE),
        Role.CONTROL_OWNER.value: (Role.CONTROL_OWNER, Role.EMPLOYEE),
        Role.EMPLOYEE.value: (Role.EMPLOYEE,),
        Role.AUDITOR.value: (Role.AUDITOR,),
    }
)


class TokenRefused(ValueError):
    """A token cannot be made as asked; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new token and its secret, which is shown this once: only its hash is kept."""

    token: ApiToken
    secret: str


def roles_below(place: Standing) -> list[Role]:
    """Return the roles that a token of this person at this client may have, the widest first."""
    # Assigned or a member: break-glass lets a person in, never a program.
    own = place.roles if place.assigned else place.roles - MSSP_ROLES
    found = {role: None for each in Role if each in own for role in ROLES_BELOW[each]}
    return list(found) if place.known else []


@transaction.atomic
def create(
    user: User,
    *,
    client: Client,
    name: str,
    role: Role | str,
    at: datetime.datetime,
    source: str = "",
    writes: bool = False,
    days: int = DEFAULT_DAYS,
) -> Created:
    """Make a token of a person's at a client, for `days` from now; the act is a leaf of the client's ledger.

    Whether the person may is the policy's `token.create`, which asks for a fresh second factor. `source` narrows
    the token to one source of the client's, by its slug.

    Raises:
        TokenRefused: the name, role, source or number of days cannot be.
    """
    name = " ".join(name.split())
    if not name.isprintable() or not 0 < len(name) <= 60:
        raise TokenRefused("Give the token a name of 1 to 60 characters that tells what will use it.")
    if not 1 <= days <= MOST_DAYS:
        raise TokenRefused(f"A token lasts 1 to {MOST_DAYS} days. Make a new one before it expires.")
    if role not in roles_below(standing(user, client, at=at)):
        raise TokenRefused("A token cannot do more than you can here. Choose your own role or a lesser one.")
    if source and source not in dict(sources(client)):
        raise TokenRefused(f'There is no source "{source}" here. Choose a connected one, or all of them.')
    prefix, rest = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        client=client,
        role=role,
        source=source,
        writes=writes,
        name=name,
        prefix=prefix,
        secret_sha256=_digest(rest),
        created_at=at,
        created_by=user,
        expires_at=at + datetime.timedelta(days=days),
    )
    _record(token, "token.create", by=user.pk, at=at)
    return Created(token, f"plapi_{prefix}_{rest}")


@transaction.atomic
def revoke(token: ApiToken, *, by: User, at: datetime.datetime) -> None:
    """End a token at once; one that was revoked before keeps its first instant."""
    found = ApiToken.objects.select_for_update(of=("self",)).select_related("client").get(pk=token.pk)
    if found.revoked_at is not None:
        return
    found.revoked_at = at
    found.save(update_fields=["revoked_at"])
    _record(found, "token.revoke", by=by.pk, at=at)


def authenticate(secret: str, *, client: Client, at: datetime.datetime) -> ApiToken | None:
    """Return the token whose secret this is, with its user; None if it is not good at this client now.

    Wrong, expired, revoked, another client's, of a closed account, of somebody who has no role here any more or
    a lesser one than the token's: all of these are None. Its source and `writes` are for the caller to heed.
    """
    parts = _SECRET.fullmatch(secret)
    if parts is None:
        return None
    token = ApiToken.objects.select_related("user").filter(prefix=parts["prefix"]).first()
    known = token.secret_sha256 if token is not None else _digest("")
    if not hmac.compare_digest(known, _digest(parts["rest"])) or token is None:
        return None
    if token.client_id != client.pk or token.revoked_at is not None or token.expires_at <= at:
        return None
    if token.role not in roles_below(standing(token.user, client, at=at)):
        return None
    lately = at - _NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= lately:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=lately)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=at)
        token.last_used_at = at
    return token


def _digest(rest: str) -> str:
    return hashlib.sha256(rest.encode()).hexdigest()


def _record(token: ApiToken, act: str, *, by: uuid.UUID, at: datetime.datetime) -> None:
    facts = {
        "act": act,
        "expires_at": token.expires_at.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "prefix": token.prefix,
        "role": str(token.role),
        "source": token.source,
        "user": str(token.user_id),
        "writes": token.writes,
    }
    record_act(token.client, "settings", f"token:{token.pk}", actor=by, at=at, facts=facts)
