"""Reads about people: the clients that exist for them, whether they need a second factor."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Final

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from tenants.clients.models import Client
from tenants.engagements.models import Engagement
from tenants.members.models import MFA_ROLES, MSSP_ROLES, Assignment, Membership, Role, User

# Recovery codes are no factor of their own.
SECOND_FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def clients_of(user: User, *, at: datetime.datetime) -> QuerySet[Client]:
    """Return the clients that a person may enter, by name: assigned, member of, or with a live engagement.

    Whether an engagement is live depends on the client's zone; here the UTC day and its neighbors count, and the
    policy decides at the door.
    """
    mssp = Membership.objects.filter(user=user, active=True, client__isnull=True, role__in=MSSP_ROLES)
    near = (at.date() - datetime.timedelta(days=1), at.date() + datetime.timedelta(days=1))
    live = Engagement.objects.filter(
        engagementauditor__user=user, access_from__lte=near[1], access_until__gte=near[0], closed_at=None
    )
    entered = Q(
        pk__in=Membership.objects.filter(user=user, active=True, client__isnull=False).values("client")
    )
    entered |= Q(pk__in=live.values("client"))
    if mssp.exists():
        entered |= Q(assignments__user=user)
    return Client.objects.filter(entered).distinct().order_by("name", "slug")


def needs_second_factor(user: User) -> bool:
    """Tell whether any role of the person asks for a second factor (design §5)."""
    if Membership.objects.filter(user=user, active=True, role__in=MFA_ROLES).exists():
        return True
    return user.engagements.exists()


def is_last_needed_factor(factor: Authenticator) -> bool:
    """Tell whether this is the only factor of a person who needs one; recovery codes alone are none."""
    person = factor.user
    others = Authenticator.objects.filter(user=person, type__in=SECOND_FACTORS).exclude(pk=factor.pk)
    return factor.type in SECOND_FACTORS and needs_second_factor(person) and not others.exists()


def administrators_of(client: Client) -> list[User]:
    """Return who administers a client: whom it concerns first what happens to access there."""
    return list(
        User.objects.filter(
            memberships__client=client, memberships__role=Role.CLIENT_ADMIN, memberships__active=True
        )
    )


def names_of(people: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Return the names of people by id, in one query; whoever is not known is not among them."""
    wanted = {each for each in people if each is not None}
    return {user.pk: str(user) for user in User.objects.filter(pk__in=wanted)} if wanted else {}


def memberships_at(client: Client | None) -> QuerySet[Membership]:
    """Return the members of a client, or the MSSP's people, present ones first; each with `second_factor`."""
    enrolled = Authenticator.objects.filter(user=OuterRef("user"), type__in=SECOND_FACTORS)
    return (
        Membership.objects.filter(client=client)
        .select_related("user")
        .annotate(second_factor=Exists(enrolled))
        .order_by("-active", "user__full_name", "pk")
    )


def staff_of(client: Client) -> QuerySet[Membership]:
    """Return who of the MSSP is assigned to a client, by name; each with `assigned_since`."""
    assigned = Assignment.objects.filter(user=OuterRef("user"), client=client).values("since")
    return (
        Membership.objects.filter(client=None, active=True, user__assignments__client=client)
        .select_related("user")
        .annotate(assigned_since=Subquery(assigned))
        .order_by("user__full_name", "pk")
    )
