"""Who of the MSSP works for which client. Each beginning and end is a leaf of that client's ledger."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.members.models import Assignment, Membership, User


class AssignmentRefused(ValueError):
    """Somebody cannot be assigned; the sentence says why and what to do."""


def clients_assigned(user: User) -> list[Client]:
    """Return the clients that somebody of the MSSP is assigned to, by name."""
    return list(Client.objects.filter(assignments__user=user).order_by("name", "slug"))


def assign_to_all(user: User, clients: Iterable[Client], *, by: uuid.UUID, at: datetime) -> int:
    """Assign somebody to each client, one transaction per client; return how many assignments are new."""
    return sum(assign_to(user, client, by=by, at=at) for client in clients)


def take_off_all(user: User, clients: Iterable[Client], *, by: uuid.UUID, at: datetime) -> int:
    """End somebody's assignment to each client, one transaction per client; return how many ended."""
    return sum(unassign(user, client, by=by, at=at) for client in clients)


@transaction.atomic
def assign_to(user: User, client: Client, *, by: uuid.UUID, at: datetime) -> bool:
    """Let somebody of the MSSP work for a client; False if they do already.

    Raises:
        AssignmentRefused: the person is not of the MSSP.
    """
    staff = Membership.objects.select_for_update().filter(user=user, client__isnull=True, active=True)
    if staff.first() is None:
        raise AssignmentRefused(f"{user} is not of the MSSP, and only its people are assigned to clients.")
    made, new = Assignment.objects.get_or_create(user=user, client=client)
    if new:
        _record(client, made.pk, "assigned", user, by=by, at=at)
    return new


@transaction.atomic
def unassign(user: User, client: Client, *, by: uuid.UUID, at: datetime) -> bool:
    """End an assignment: from the next request on the client is not there for that person."""
    found = Assignment.objects.select_for_update().filter(user=user, client=client).first()
    if found is None:
        return False
    key = found.pk
    found.delete()
    _record(client, key, "assignment ended", user, by=by, at=at)
    return True


def _record(client: Client, key: int, act: str, user: User, *, by: uuid.UUID, at: datetime) -> None:
    record_act(
        client,
        "settings",
        f"assignment:{key}",
        actor=by,
        at=at,
        facts={"act": act, "user": str(user.pk)},
    )
