"""Whom a thing at a client concerns by their part there."""

from django.db.models import QuerySet

from tenants.clients.models import Client
from tenants.members.models import MSSP_ROLES, Membership, Role, User


def administrators(client: Client) -> QuerySet[User]:
    """Return the client's own administrators."""
    inside = Membership.objects.filter(client=client, active=True, role=Role.CLIENT_ADMIN)
    return User.objects.filter(is_active=True, pk__in=inside.values("user"))


def assigned(client: Client) -> QuerySet[User]:
    """Return the people of the MSSP who work for the client."""
    staff = Membership.objects.filter(client=None, active=True, role__in=MSSP_ROLES)
    return User.objects.filter(is_active=True, pk__in=staff.values("user"), assignments__client=client)
