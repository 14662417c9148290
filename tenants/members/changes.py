"""What may be done with a membership: another role, an end, a new beginning. Each is a leaf of the client's ledger.

A change says what its form saw (`seen_of`): two people who change one membership do not undo each other unaware.
The last administrator of a place stays, whoever asks.
"""

import uuid
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from tenants.access.acts import record_act
from tenants.members.assignments import clients_assigned, unassign
from tenants.members.models import MSSP_ROLES, Membership, Role

_ADMINISTRATORS: Final = (Role.CLIENT_ADMIN, Role.MSSP_ADMIN)
CLIENT_ROLES: Final = (Role.CLIENT_ADMIN, Role.CONTROL_OWNER, Role.EMPLOYEE)
STAFF_ROLES: Final = (Role.MSSP_ADMIN, Role.MSSP_ANALYST)


class ChangeRefused(ValueError):
    """A membership cannot be changed as asked; the sentence says why and what to do."""


class ChangedMeanwhile(ChangeRefused):
    """Somebody else changed the membership after the form was shown."""


def seen_of(membership: Membership) -> str:
    """Return what a form carries to tell whether the membership is still as it was shown."""
    return f"{membership.role}-{'active' if membership.active else 'ended'}"


@transaction.atomic
def change_role(
    membership: Membership, role: Role | str, *, seen: str, by: uuid.UUID, at: datetime
) -> Membership:
    """Give a member another role at the same place, in force with their next request.

    Raises:
        ChangeRefused: the role does not exist there, the membership has ended, or nobody would administer the place.
        ChangedMeanwhile: the membership is no longer as `seen_of` said.
    """
    found = _locked(membership, seen)
    if role not in (STAFF_ROLES if found.client_id is None else CLIENT_ROLES):
        raise ChangeRefused("There is no such role here. Choose one of the list.")
    role = Role(role)
    if not found.active:
        raise ChangeRefused(f"{found.user} is deactivated. Reactivate them first, then change the role.")
    if role == found.role:
        return found
    _keep_an_administrator(found)
    before, found.role = found.role, role.value
    found.save(update_fields=["role"])
    _record(found, "role changed", by=by, at=at, before=before, role=role.value)
    return found


@transaction.atomic
def deactivate(membership: Membership, *, seen: str, by: uuid.UUID, at: datetime) -> Membership:
    """End a membership: from the next request on the place is not there for that person, in any open session.

    Somebody of the MSSP loses the assignments as well.
    """
    found = _locked(membership, seen)
    if not found.active:
        return found
    _keep_an_administrator(found)
    found.active = False
    found.save(update_fields=["active"])
    _record(found, "member deactivated", by=by, at=at, role=found.role)
    if found.client_id is None:
        for client in clients_assigned(found.user):
            unassign(found.user, client, by=by, at=at)
    return found


@transaction.atomic
def reactivate(membership: Membership, *, seen: str, by: uuid.UUID, at: datetime) -> Membership:
    """Let a former member in again, in the role that they had; somebody of the MSSP comes without assignments."""
    found = _locked(membership, seen)
    if found.active:
        return found
    found.active = True
    found.save(update_fields=["active"])
    _record(found, "member reactivated", by=by, at=at, role=found.role)
    return found


def _locked(membership: Membership, seen: str) -> Membership:
    """Lock the membership and every administrator of its place, always in the same order."""
    place = Q(client_id=membership.client_id) if membership.client_id else Q(client__isnull=True)
    rows = (
        Membership.objects.select_for_update(of=("self",))
        .select_related("user", "client")
        .filter(place & (Q(pk=membership.pk) | Q(role__in=_ADMINISTRATORS)))
        .order_by("pk")
    )
    found = {row.pk: row for row in rows}.get(membership.pk)
    if found is None or seen_of(found) != seen:
        raise ChangedMeanwhile(
            "Somebody changed this person's membership after you opened the page, and nothing of yours was done. "
            "Look at what it is now, then decide again."
        )
    return found


def _keep_an_administrator(found: Membership) -> None:
    if found.role not in _ADMINISTRATORS:
        return
    others = Membership.objects.filter(
        client=found.client_id, role=found.role, active=True, user__is_active=True
    ).exclude(pk=found.pk)
    if not others.exists():
        where = "the MSSP" if found.role in MSSP_ROLES else found.client
        raise ChangeRefused(
            f"{found.user} is the last {label_of(found.role)} of {where}. Give somebody else that role first."
        )


def label_of(role: str) -> str:
    """Write a role within a sentence."""
    label = Role(role).label
    return label if role in MSSP_ROLES else label.lower()


def _record(found: Membership, act: str, *, by: uuid.UUID, at: datetime, **facts: object) -> None:
    """Tell the client's ledger; for somebody of the MSSP, that of each client they are assigned to."""
    told = [found.client] if found.client is not None else clients_assigned(found.user)
    for client in told:
        record_act(
            client,
            "settings",
            f"membership:{found.pk}",
            actor=by,
            at=at,
            facts={"act": act, "user": str(found.user_id), **facts},
        )
