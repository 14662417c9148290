"""Opening and ending break-glass: an act of a person of the MSSP that the client learns of at once."""

import datetime
from typing import Final

from django.db import transaction

from tenants.access.acts import record_act
from tenants.breakglass.models import BreakGlass
from tenants.clients.models import Client
from tenants.members.models import MSSP_ROLES, Assignment, Membership, User
from tenants.members.selectors import administrators_of
from tenants.notifications.services import notify

LIFE: Final = datetime.timedelta(minutes=60)
SHORTEST_REASON: Final = 20
LONGEST_REASON: Final = 1000


class BreakGlassRefused(ValueError):
    """Break-glass cannot be opened as asked; the sentence says why and what to do."""


@transaction.atomic
def open_breakglass(user: User, client: Client, *, reason: str, at: datetime.datetime) -> BreakGlass:
    """Let someone of the MSSP read at a client that is not assigned to them, for an hour.

    Raises:
        BreakGlassRefused: for a reason that is too short, somebody who needs none, or an auditor of this client.
    """
    reason = " ".join(reason.replace("\x00", "").split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise BreakGlassRefused(
            f"Say in {SHORTEST_REASON} to {LONGEST_REASON} characters why you must look; the client reads it."
        )
    # One at a time: two entries of one person at one client would be one too many.
    Client.objects.select_for_update().get(pk=client.pk)
    if not Membership.objects.filter(user=user, client=None, active=True, role__in=MSSP_ROLES).exists():
        raise BreakGlassRefused("Break-glass is for people of the MSSP.")
    if user.engagements.filter(client=client).exists():
        raise BreakGlassRefused("You are an auditor of this client, and stay one. Ask somebody else to look.")
    if (
        Assignment.objects.filter(user=user, client=client).exists()
        or Membership.objects.filter(user=user, client=client, active=True).exists()
    ):
        raise BreakGlassRefused("You work for this client already; break-glass would give you less.")
    live = BreakGlass.objects.filter(user=user, client=client, ended_at=None, expires_at__gt=at).first()
    if live is not None:
        raise BreakGlassRefused("You are in already. End that entry first, or use it while it lasts.")
    entry = BreakGlass.objects.create(
        user=user, client=client, reason=reason, opened_at=at, expires_at=at + LIFE
    )
    facts = {"act": "opened", "user": str(user.pk), "reason": reason, "expires": entry.expires_at.isoformat()}
    record_act(client, "decision", f"breakglass:{entry.pk}", actor=user.pk, at=at, facts=facts)
    notify(
        administrators_of(client),
        kind="breakglass_opened",
        subject=f"{user} of your provider opened break-glass",
        body=f"{user} can read here until {entry.expires_at:%Y-%m-%d %H:%M} UTC, without being assigned to you. "
        f"Their reason: {reason}\n\nEach read is logged. You can end it at once.",
        url="settings/break-glass/",
        client=client,
        at=at,
        dedup=f"{entry.pk}",
        urgent=True,
    )
    return entry


@transaction.atomic
def end_breakglass(entry: BreakGlass, *, by: User, at: datetime.datetime) -> bool:
    """End an entry before its time; return False where it was over already."""
    if not BreakGlass.objects.filter(pk=entry.pk, ended_at=None, expires_at__gt=at).update(
        ended_at=at, ended_by=by
    ):
        return False
    entry.refresh_from_db()
    _record_end(entry, how="ended", at=at)
    return True


def settle_expired(client: Client, *, at: datetime.datetime) -> int:
    """Close the books on entries whose time ran out: a leaf each, with how much was read."""
    settled = 0
    due = BreakGlass.objects.filter(client=client, ended_at=None, expires_at__lte=at)
    for key in due.values_list("pk", flat=True):
        with transaction.atomic():
            entry = due.select_for_update(skip_locked=True, of=("self",)).filter(pk=key).first()
            if entry is None:
                continue
            entry.ended_at = entry.expires_at
            entry.save(update_fields=["ended_at"])
            _record_end(entry, how="expired", at=at)
            settled += 1
    return settled


def _record_end(entry: BreakGlass, *, how: str, at: datetime.datetime) -> None:
    assert entry.ended_at is not None
    reads = entry.reads.count()
    facts = {
        "act": how,
        "user": str(entry.user_id),
        "ended": entry.ended_at.isoformat(),
        "reads": reads,
    }
    record_act(
        entry.client, "decision", f"breakglass:{entry.pk}", actor=entry.ended_by_id, at=at, facts=facts
    )
    whose = "its time ran out" if how == "expired" else f"ended by {entry.ended_by}"
    notify(
        [*administrators_of(entry.client), entry.user],
        kind="breakglass_ended",
        subject=f"Break-glass of {entry.user} is over",
        body=f"It is over ({whose}), after {reads} {'read' if reads == 1 else 'reads'}. The access log lists them.",
        url="settings/break-glass/",
        client=entry.client,
        at=at,
        dedup=f"{entry.pk}",
    )
