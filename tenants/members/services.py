"""What may be done with people: make them, give them a role, assign them, give them a second factor."""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from tenants.clients.models import Client
from tenants.members.models import MSSP_ROLES, Assignment, Membership, Role, User


def make_person(email: str, *, name: str, password: str | None = None) -> User:
    """Return the person who signs in with this mail address, made if there is none yet."""
    known = User.objects.filter(email__iexact=email).first()
    return known or User.objects.create_user(email, password, full_name=name)


def give_role(user: User, role: Role | str, *, client: Client | None = None) -> Membership:
    """Give a person a role at a client, or at the MSSP without one; a former role there is replaced.

    Raises:
        ValueError: the role does not belong there: MSSP roles have no client, the others have one, and auditors
            come by an engagement.
    """
    role = Role(role)
    if role is Role.AUDITOR:
        raise ValueError(
            "An auditor comes by an engagement (tenants.engagements.services), not by a membership."
        )
    if (role in MSSP_ROLES) != (client is None):
        raise ValueError(f"The role “{role.label}” {'has no client' if client else 'needs a client'}.")
    membership, _ = Membership.objects.update_or_create(
        user=user, client=client, defaults={"role": role, "active": True}
    )
    return membership


def assign(user: User, *, client: Client) -> Assignment:
    """Let someone of the MSSP work for a client."""
    if not user.memberships.filter(client__isnull=True, active=True).exists():
        raise ValueError(f"{user} is not of the MSSP, and only its people are assigned to clients.")
    return Assignment.objects.get_or_create(user=user, client=client)[0]


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What a person needs once: the authenticator's secret (base32) and the recovery codes. Never shown again."""

    secret: str
    recovery_codes: tuple[str, ...]


@transaction.atomic
def give_second_factor(user: User) -> SecondFactor:
    """Enroll a person in TOTP on their behalf, replacing what there was: for set-up by an operator and for the demo."""
    Authenticator.objects.filter(user=user).delete()
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user).get_unused_codes()
    return SecondFactor(secret, tuple(codes))
