"""Whose work something is: the policy's own words, once as a query over all clients, once for one thing in hand."""

from dataclasses import replace
from typing import Final

from django.db.models import Q, QuerySet

from tenants.access.policy import POLICY, Standing, judged
from tenants.engagements.models import EngagementAuditor
from tenants.members.models import MSSP_ROLES, Assignment, Membership, User
from tenants.mywork.models import WorkItem
from tenants.mywork.registry import Work, kinds, verbs

# At one client no more than this is shown of one kind.
MOST: Final = 500
# Words of a condition that hold for whoever has the role at the client; a fresh factor is asked for by the act.
_BY_ROLE: Final = frozenset({"asg", "in", "su"})


def work_of(user: User) -> QuerySet[WorkItem]:
    """Return what waits for a person at all the clients where they may act, in one query over `public`.

    Those are the clients that they are assigned to or members of. Break-glass opens reading and gives no work; at a
    client where a person is or was an auditor they are nothing else.
    """
    found = Q(pk__in=[])
    for role, client_id in Membership.objects.filter(user=user, active=True).values_list("role", "client_id"):
        if role in MSSP_ROLES:
            place = Q(client__in=Assignment.objects.filter(user=user).values("client"))
        else:
            place = Q(client=client_id)
        found |= place & _open_to(role, user)
    audited = EngagementAuditor.objects.filter(user=user).values("engagement__client")
    mine = Q(assignee=None) | Q(assignee=user.pk)
    return WorkItem.objects.filter(found & mine).exclude(client__in=audited).select_related("client")


def _open_to(role: str, user: User) -> Q:
    found = Q(pk__in=[])
    for action in verbs():
        condition = POLICY[action].get(role)
        words = condition.words - _BY_ROLE if condition else frozenset({"-"})
        if words - {"own", "ns"}:
            continue
        each = Q(action=action)
        if "own" in words:
            each &= Q(owners__contains=[user.pk])
        if "ns" in words:
            each &= ~Q(parties__contains=[user.pk])
        found |= each
    return found


def work_here(place: Standing) -> list[Work]:
    """Return what waits for a person at the present client, asked in its schema now, what is due first on top."""
    found = [work for kind in kinds() for work in kind.waiting(MOST) if concerns(place, work)]
    return sorted(found, key=lambda work: (work.due is None, work.due, work.key))


def concerns(place: Standing, work: Work) -> bool:
    """Tell whether something waits for a person who stands here: the policy decides; a fresh factor can be shown."""
    if work.assignee not in (None, getattr(place.principal, "pk", None)):
        return False
    return judged(replace(place, step_up=True), work.action, work)
