"""The acts a person can take on an exception: which form each needs, and whether state and policy allow it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from controls.exceptions.forms import (
    ActForm,
    CloseForm,
    CommentForm,
    FalseForm,
    FixForm,
    ReopenForm,
    RetestForm,
    TriageForm,
)
from controls.exceptions.models import ControlException
from controls.exceptions.states import TRANSITIONS
from tenants.access.gate import Gate
from tenants.access.policy import POLICY, parties_of, refusal_words
from tenants.clients.models import Client
from tenants.members.models import Assignment, Membership, Role, User


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its verb, form, the actions of the state table it can become, its policy action, what it does."""

    key: str
    label: str
    done: str
    form: type[ActForm]
    actions: tuple[str, ...]
    policy: str
    effect: str
    danger: bool = False


ACTS: Final = {
    act.key: act
    for act in (
        Act("triage", "Triage", "Triaged.", TriageForm, ("triage",), "exception.triage",
            "Says how grave it is, why it happened and who mends it. It stops the triage clock."),
        Act("fix", "Say it is fixed", "Kept as fixed; a retest is due.", FixForm, ("fix",), "exception.fix",
            "A retest by somebody else follows. The clock stops at the time of the fix if that retest is good."),
        Act("retest", "Keep the retest", "The retest is kept.", RetestForm, ("good_retest", "bad_retest"),
            "exception.retest", "By who neither owns nor fixed it. A bad one sends it back: its clock runs on."),
        Act("close", "Close", "Closed.", CloseForm, ("close",), "exception.close",
            "By a person who neither owns nor fixed it. It prints as closed in every later package."),
        Act("call_false", "Call it a false alarm", "Kept as a false alarm.", FalseForm, ("call_false",),
            "exception.call_false", "No verdict is edited: members that stay failures count and print.", danger=True),
        Act("reopen", "Open again", "Opened again.", ReopenForm, ("reopen",), "exception.reopen",
            "It goes back to triaged, with its history."),
    )
}  # fmt: skip
COMMENT: Final = Act(
    "comment",
    "Comment",
    "The comment is kept.",
    CommentForm,
    (),
    "exception.comment",
    "Changes nothing but the history.",
)


@dataclass(frozen=True, slots=True)
class Possible:
    """An act that the exception's state allows: with its form for who may take it, else with the reason why not."""

    act: Act
    href: str
    form: ActForm | None
    refusal: str = ""
    open: bool = False


def possible(
    gate: Gate,
    exception: ControlException,
    *,
    seen: int,
    people: list[tuple[UUID, str]],
    tried: ActForm | None = None,
    tried_key: str = "",
) -> list[Possible]:
    """Return what can be done now, in the order in which it usually comes.

    `tried` is the form of an act that was not accepted: it is shown with what was typed.
    """
    found = []
    for act in ACTS.values():
        if not offered(exception, act):
            continue
        href = reverse(f"exception_{act.key}", args=[exception.number])
        if not gate.allows(exception, act.policy):
            found.append(Possible(act, href, None, refused(gate, exception, act)))
            continue
        form = (
            tried
            if tried is not None and tried_key == act.key
            else fresh(act, exception, seen=seen, people=people)
        )
        found.append(Possible(act, href, form, open=tried_key == act.key))
    if found and not any(each.open for each in found):
        first = next(
            (at for at, each in enumerate(found) if each.form is not None and not each.act.danger), None
        )
        if first is not None:
            found[first] = Possible(found[first].act, found[first].href, found[first].form, open=True)
    return found


def offered(exception: ControlException, act: Act) -> bool:
    """Whether the state table knows the act in the exception's present state."""
    return any(action in TRANSITIONS.get(exception.state, {}) for action in act.actions)


def fresh(act: Act, exception: ControlException, *, seen: int, people: list[tuple[UUID, str]]) -> ActForm:
    """Return an act's empty form, with what is known already filled in."""
    known: dict[str, Any] = {"version": exception.version, "seen": seen}
    if act.key == "triage":
        known |= {"severity": exception.severity, "cause": exception.cause, "harm": exception.harm}
        known |= {"owner": str(exception.owner or ""), "words": exception.cause_words}
    if act.key == "fix":
        known["fixed_at"] = timezone.localtime().replace(second=0, microsecond=0)
    return build(act, initial=known, people=people)


def build(
    act: Act,
    data: Mapping[str, Any] | None = None,
    *,
    initial: Mapping[str, Any] | None = None,
    people: list[tuple[UUID, str]],
) -> ActForm:
    """Return an act's form, bound to `data` or showing `initial`; ids carry its key, for a page has several."""
    more: dict[str, Any] = {"people": people} if act.form is TriageForm else {}
    return act.form(
        data, initial=dict(initial or {}), auto_id=f"{act.key}_%s", use_required_attribute=False, **more
    )


def refused(gate: Gate, exception: ControlException, act: Act) -> str:
    """Say why a person may not take an act that the state allows."""
    place = gate.standing
    person = getattr(place.principal, "pk", None)
    mine = [POLICY[act.policy][role].words for role in place.roles if role in POLICY[act.policy]]
    if person in parties_of(exception) and any("ns" in words for words in mine):
        did = "fixed" if person == exception.fixed_by else "own"
        return f"You {did} {exception.number}, so another person does this."
    if mine and all("fn" in words for words in mine):
        return (
            "Your role does this where the client gave you the function for it. No function is recorded yet."
        )
    return refusal_words(place, act.policy)


def could_own(client: Client) -> list[tuple[UUID, str]]:
    """Return who can mend an exception: the client's people, and the MSSP's who are assigned, by name."""
    inside = Membership.objects.filter(client=client, active=True).exclude(role=Role.AUDITOR).values("user")
    assigned = Assignment.objects.filter(client=client).values("user")
    people = User.objects.filter(pk__in=inside, is_active=True) | User.objects.filter(
        pk__in=assigned, is_active=True
    )
    return sorted(((user.pk, str(user)) for user in people.distinct()), key=lambda each: each[1].casefold())


def typed(form: ActForm, names: Iterable[str] = ("words", "fix")) -> str:
    """Return the text that a person typed into a form, to be kept beside somebody else's."""
    return "\n".join(text for name in names if (text := str(form.data.get(name, "")).strip()))
