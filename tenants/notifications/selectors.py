"""What a person may still know of what they were told."""

from collections.abc import Iterable
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from tenants.access.policy import POLICY, Standing, judged_some, standing
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.members.models import MSSP_ROLES, Assignment, Membership, Role, User
from tenants.notifications.kinds import kinds
from tenants.notifications.models import Notification

# The bell counts no further.
MOST_COUNTED: Final = 100


def visible(place: Standing) -> QuerySet[Notification]:
    """Return what a person was told at a client, or at all of them (without one), as far as they may know it now.

    The answer is the policy's about each kind's action, for many clients in one query: a lost role, assignment,
    membership or engagement hides what was told under it.
    """
    user = place.principal
    assert isinstance(user, User)
    mine = Notification.objects.filter(user=user)
    if place.client is not None:
        known = [kind.key for kind in kinds() if judged_some(place, kind.action)]
        return mine.filter(client=place.client, kind__in=known)
    if not user.is_active:
        return mine.none()
    # Who audits a client is an auditor there and nothing else.
    audits = Exists(EngagementAuditor.objects.filter(user=user, engagement__client=OuterRef("client")))
    found = Q(client__isnull=True)
    for role in place.roles - MSSP_ROLES - {Role.AUDITOR}:
        inside = Membership.objects.filter(user=user, active=True, role=role, client=OuterRef("client"))
        found |= Q(Exists(inside), ~audits, kind__in=_kinds_for(role))
    for role in place.roles & MSSP_ROLES:
        assigned = Assignment.objects.filter(user=user, client=OuterRef("client"))
        found |= Q(Exists(assigned), ~audits, kind__in=_kinds_for(role))
    if Role.AUDITOR in place.roles:
        engagements = Engagement.objects.filter(engagementauditor__user=user).select_related("client")
        live = {each.client for each in engagements if standing(user, each.client, at=place.at).known}
        found |= Q(client__in=live, kind__in=_kinds_for(Role.AUDITOR))
    return mine.filter(found)


def unread_count(place: Standing) -> int:
    """Return how many are unread, counting to `MOST_COUNTED`."""
    return visible(place).filter(read_at=None).order_by()[:MOST_COUNTED].count()


def _kinds_for(role: str) -> Iterable[str]:
    return [kind.key for kind in kinds() if role in POLICY[kind.action]]
