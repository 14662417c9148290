"""What waits for people about exceptions: triage, fix, retest, closing."""

from collections.abc import Iterable
from typing import Final

from controls.exceptions.models import ControlException
from controls.exceptions.parties import control_owner, owned_controls
from controls.rules.registry import rule_by_id
from tenants.access.policy import owners_of, parties_of
from tenants.mywork.registry import Work, WorkKind

KIND: Final = "exceptions"
# The act that each state waits for. An accepted risk waits for nobody.
_WAITS_FOR: Final = {
    "open": "exception.triage",
    "triaged": "exception.fix",
    "ticketed": "exception.fix",
    "fixed": "exception.retest",
    "retested": "exception.close",
}


def waiting(limit: int) -> list[Work]:
    """Return what waits at the present client, what is due first on top."""
    found = list(ControlException.objects.filter(state__in=_WAITS_FOR).order_by("fix_due", "number")[:limit])
    owned = owned_controls(each.control for each in found)
    for each in found:
        each.control_owner = owned.get(each.control)
    return [work for each in found for work in work_about(each)]


def work_about(exception: ControlException) -> Iterable[Work]:
    """Return what one exception waits for: one act, or nothing.

    A fix waits for its owner, else for the control's; where neither is named, for whoever may say that it is done.
    """
    action = _WAITS_FOR.get(exception.state)
    if action is None:
        return []
    rule = rule_by_id(exception.rule)
    assignee = (exception.owner or control_owner(exception)) if action == "exception.fix" else None
    return [
        Work(
            kind=KIND,
            key=exception.number,
            title=(rule.title if rule else exception.control)[:200],
            url=f"exceptions/{exception.number}/",
            action=action,
            due=exception.triage_due if exception.state == "open" else exception.fix_due,
            severity=exception.severity,
            assignee=assignee,
            owners=owners_of(exception),
            parties=parties_of(exception),
        )
    ]


EXCEPTIONS: Final = WorkKind(
    key=KIND,
    label="Exceptions",
    verbs={
        "exception.triage": "Triage",
        "exception.fix": "Fix",
        "exception.retest": "Retest",
        "exception.close": "Close",
    },
    waiting=waiting,
)
