"""What may be done with an invitation: make it, renew its link, take it back, accept it.

Whoever holds the link may accept, once, until it expires: only the hash of its secret is kept. Who may invite is the
policy's answer (`action_of`), asked when the invitation is made by whoever calls, and here again when it is accepted:
an invitation is worth no more than the right of the person behind it.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet

from tenants.access.acts import record_act
from tenants.access.policy import allowed
from tenants.clients.addresses import address_of
from tenants.clients.models import Client
from tenants.clients.names import validate_one_line
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.invitations.models import Invitation
from tenants.invitations.selectors import open_at
from tenants.members.changes import CLIENT_ROLES, STAFF_ROLES
from tenants.members.models import Membership, Role, User
from tenants.notifications.services import notify

LIFETIME: Final = timedelta(days=7)
_SECRET_BYTES: Final = 32


class InvitationRefused(ValueError):
    """Nobody can be invited as asked, or this person cannot accept; the sentence says why and what to do."""


class NotOpen(LookupError):
    """No open invitation of this place has this secret: unknown, used, expired and taken back are all alike."""


class KnownPerson(LookupError):
    """Somebody signs in with the invited mail address already, and must do so to accept."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation and its link, which is known at this moment only."""

    invitation: Invitation
    secret: str

    @property
    def link(self) -> str:
        """The address to be sent."""
        return address_of(self.invitation.client, f"invitations/{self.secret}/")


def action_of(invitation: Invitation) -> str:
    """Return the action of the policy that whoever is behind an invitation must be allowed."""
    if invitation.engagement_id is not None:
        return "engagement.change"
    return "staff.invite" if invitation.client_id is None else "member.invite"


# Inviting ───────────────────────────────────────────────────────────────────────────────────────────


def invite_member(
    client: Client, *, email: str, name: str, role: Role | str, by: User | None, at: datetime
) -> Issued:
    """Invite somebody to a client; `by` is None for the operator.

    Raises:
        InvitationRefused: a malformed name or address, a role of elsewhere, a person who is there or invited already.
    """
    return _invite(client, None, email=email, name=name, role=_one_of(role, CLIENT_ROLES), by=by, at=at)


def invite_staff(*, email: str, name: str, role: Role | str, by: User | None, at: datetime) -> Issued:
    """Invite somebody to the MSSP's own people; raises as `invite_member`."""
    return _invite(None, None, email=email, name=name, role=_one_of(role, STAFF_ROLES), by=by, at=at)


def invite_auditor(engagement: Engagement, *, email: str, name: str, by: User | None, at: datetime) -> Issued:
    """Invite an auditor to an engagement; raises as `invite_member`, and for an engagement that is over."""
    if _is_over(engagement, at):
        raise InvitationRefused("This engagement is over, so nobody can be invited to it any more.")
    return _invite(engagement.client, engagement, email=email, name=name, role=Role.AUDITOR, by=by, at=at)


@transaction.atomic
def renew(invitation: Invitation, *, by: User | None, at: datetime) -> Issued:
    """Give an invitation that was not accepted or taken back a new link and seven days; the old link dies.

    Whoever renews it stands behind it from now on.
    """
    found = _waiting(invitation)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    found.secret_sha256, found.invited_by, found.expires_at = _hash(secret), by, at + LIFETIME
    found.save(update_fields=["secret_sha256", "invited_by", "expires_at"])
    return Issued(found, secret)


@transaction.atomic
def revoke(invitation: Invitation, *, at: datetime) -> Invitation:
    """Take an invitation back: its link opens nothing from now on."""
    found = _waiting(invitation)
    found.revoked_at = at
    found.save(update_fields=["revoked_at"])
    return found


def _one_of(role: Role | str, roles: tuple[Role, ...]) -> Role:
    if role not in roles:
        raise InvitationRefused("There is no such role here. Choose one of the list.")
    return Role(role)


@transaction.atomic
def _invite(
    client: Client | None,
    engagement: Engagement | None,
    *,
    email: str,
    name: str,
    role: Role,
    by: User | None,
    at: datetime,
) -> Issued:
    email, name = email.strip(), name.strip()
    _refuse_malformed(email, name)
    # Two who invite the same person at the same time: the second waits here, and then finds the first's.
    if client is not None:
        Client.objects.select_for_update().get(pk=client.pk)
    else:
        list(Membership.objects.select_for_update().filter(client__isnull=True, role=Role.MSSP_ADMIN))
    _refuse_present(email, client, engagement)
    same = Q(client=client, engagement=engagement, email__iexact=email)
    if open_at(Invitation.objects.filter(same), at).exists():
        raise InvitationRefused(
            f"{email} is invited already. Send that invitation again, or take it back first."
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    invitation = Invitation.objects.create(
        email=User.objects.normalize_email(email),
        name=name,
        client=client,
        engagement=engagement,
        role=role,
        secret_sha256=_hash(secret),
        invited_by=by,
        created_at=at,
        expires_at=at + LIFETIME,
    )
    return Issued(invitation, secret)


def _refuse_malformed(email: str, name: str) -> None:
    try:
        validate_email(email)
        if len(email) > 254 or not email.isprintable():
            raise ValidationError("")
    except ValidationError as error:
        raise InvitationRefused("That is no mail address. Use one such as kim@acme.example.") from error
    if not name or len(name) > 150:
        raise InvitationRefused("Say the person's name, with at most 150 characters.")
    try:
        validate_one_line(name)
    except ValidationError as error:
        raise InvitationRefused(error.messages[0]) from error


def _refuse_present(email: str, client: Client | None, engagement: Engagement | None) -> None:
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        _refuse_there(user, client, engagement)


def _refuse_there(user: User, client: Client | None, engagement: Engagement | None) -> None:
    """Refuse whom the invitation could make nothing more, or who must not be both."""
    membership = Membership.objects.filter(user=user, client=client).first()
    audits = client is not None and Engagement.objects.filter(client=client, auditors=user).exists()
    if engagement is not None:
        if membership is not None and membership.active:
            raise InvitationRefused(
                f"{user.email} is a member of {client}, and an auditor must be independent of it."
            )
        if Membership.objects.filter(user=user, client=None, active=True).exists():
            raise InvitationRefused(
                f"{user.email} works for the provider of {client}, and an auditor must be independent of it."
            )
        if EngagementAuditor.objects.filter(engagement=engagement, user=user).exists():
            raise InvitationRefused(f"{user.email} is an auditor of this engagement already.")
        return
    place = client or "the MSSP"
    if audits:
        raise InvitationRefused(
            f"{user.email} is an auditor of {place} and cannot be a member as well: an auditor must be independent."
        )
    if membership is not None:
        act = "Change the role there instead" if membership.active else "Reactivate them there instead"
        state = "is" if membership.active else "was"
        raise InvitationRefused(f"{user.email} {state} a member of {place} already. {act}.")


# Accepting ──────────────────────────────────────────────────────────────────────────────────────────


def find_open(secret: str, *, client: Client | None, at: datetime) -> Invitation:
    """Return the invitation that a link opens at this place.

    Raises:
        NotOpen: there is none, for whatever reason.
    """
    return _opened(Invitation.objects.all(), secret, client, at)


@transaction.atomic
def accept(secret: str, *, client: Client | None, user: User, at: datetime) -> Invitation:
    """Make a signed-in person what they were invited to be.

    Raises:
        NotOpen: see `find_open`.
        InvitationRefused: the invitation is for somebody else, or the person is there already.
    """
    invitation = _opened(Invitation.objects.select_for_update(of=("self",)), secret, client, at)
    if invitation.email.lower() != user.email.lower():
        raise InvitationRefused(
            "This invitation is for another mail address than the one you signed in with."
        )
    _enter(invitation, user, at)
    return invitation


@transaction.atomic
def accept_as_new(secret: str, *, client: Client | None, name: str, password: str, at: datetime) -> User:
    """Make the invited person, who has no account yet, and what they were invited to be.

    Raises:
        NotOpen: see `find_open`.
        KnownPerson: somebody signs in with this mail address already.
    """
    invitation = _opened(Invitation.objects.select_for_update(of=("self",)), secret, client, at)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise KnownPerson(invitation.email)
    user = User.objects.create_user(invitation.email, password, full_name=name)
    _enter(invitation, user, at)
    return user


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _waiting(invitation: Invitation) -> Invitation:
    found = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if found.accepted_at is not None or found.revoked_at is not None:
        done = "accepted" if found.accepted_at else "taken back"
        raise InvitationRefused(f"The invitation of {found.email} was {done} meanwhile. Nothing was done.")
    return found


def _opened(
    invitations: QuerySet[Invitation], secret: str, client: Client | None, at: datetime
) -> Invitation:
    found = (
        open_at(invitations, at)
        .select_related("client", "engagement", "invited_by")
        .filter(secret_sha256=_hash(secret), client=client)
        .first()
    )
    if found is None or not _still_stands(found, at):
        raise NotOpen
    return found


def _still_stands(invitation: Invitation, at: datetime) -> bool:
    if invitation.engagement is not None and _is_over(invitation.engagement, at):
        return False
    by = invitation.invited_by
    # The second factor was fresh when it was sent; what must have lasted since is the right.
    return by is None or allowed(by, action_of(invitation), invitation.client, at=at, step_up=True)


def _is_over(engagement: Engagement, at: datetime) -> bool:
    today = at.astimezone(engagement.client.tzinfo).date()
    return engagement.closed_at is not None or engagement.access_until < today


def _enter(invitation: Invitation, user: User, at: datetime) -> None:
    client, engagement = invitation.client, invitation.engagement
    _refuse_there(user, client, engagement)
    if engagement is not None:
        EngagementAuditor.objects.create(engagement=engagement, user=user)
        ref = f"engagement:{engagement.pk}"
    else:
        membership = Membership.objects.create(user=user, client=client, role=invitation.role)
        ref = f"membership:{membership.pk}"
    invitation.accepted_at, invitation.accepted_by = at, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    if client is not None:
        record_act(
            client,
            "settings",
            ref,
            actor=user.pk,
            at=at,
            facts={
                "act": "invitation accepted",
                "invitation": str(invitation.pk),
                "user": str(user.pk),
                "role": invitation.role,
                "invited_by": _id(invitation.invited_by_id),
            },
        )
    if invitation.invited_by is not None:
        notify(
            [invitation.invited_by],
            kind="invitation_accepted",
            subject=f"{user} accepted your invitation",
            url="settings/" if client is not None else "staff/",
            client=client,
            at=at,
            dedup=str(invitation.pk),
        )


def _id(key: uuid.UUID | None) -> str:
    return str(key or "system")
