"""The mail with an invitation's link."""

import logging
import zoneinfo
from datetime import UTC

from tenants.invitations.models import Invitation
from tenants.invitations.services import Issued
from tenants.members.changes import label_of
from tenants.notifications.mail import send_mail

log = logging.getLogger(__name__)


def send(issued: Issued) -> bool:
    """Send the link; False where the mail did not leave. The invitation stays, and `renew` makes another link."""
    invitation = issued.invitation
    try:
        send_mail(invitation.email, subject_of(invitation), body_of(issued))
    except OSError as error:  # also what smtplib raises
        # Neither the link nor the server's words, which may repeat it, belong into a log.
        log.warning("The mail of invitation %s did not leave: %s", invitation.pk, type(error).__name__)
        return False
    return True


def place_of(invitation: Invitation) -> str:
    """Say where somebody is invited to."""
    return invitation.client.name if invitation.client is not None else "the MSSP's own people"


def role_of(invitation: Invitation) -> str:
    """Say as what, in a sentence."""
    return label_of(invitation.role)


def inviter_of(invitation: Invitation) -> str:
    """Say who invites."""
    by = invitation.invited_by
    return "The operator of the portal" if by is None else f"{by} ({by.email})"


def subject_of(invitation: Invitation) -> str:
    """Return the mail's subject."""
    return f"Invitation to {place_of(invitation)} on Proofline"


def body_of(issued: Issued) -> str:
    """Return the mail's text."""
    invitation = issued.invitation
    zone = invitation.client.tzinfo if invitation.client is not None else zoneinfo.ZoneInfo("UTC")
    until = invitation.expires_at.astimezone(zone)
    engagement = f" for the engagement {invitation.engagement}" if invitation.engagement else ""
    utc = "" if zone.key == "UTC" else f" ({invitation.expires_at.astimezone(UTC):%H:%M} UTC)"
    return f"""Hello {invitation.name},

{inviter_of(invitation)} invites you to {place_of(invitation)} on Proofline, as {role_of(invitation)}{engagement}.

Open this address to accept:

{issued.link}

It works once, until {until:%A}, {until.day} {until:%B %Y, %H:%M} {zone.key}{utc}. Pass it to nobody: whoever opens it
first is taken for you.

You did not expect this? Then do nothing; the address expires by itself.
"""
