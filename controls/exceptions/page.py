"""What the page of one exception shows."""

from datetime import datetime
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controls.catalogue.models import Control
from controls.exceptions.acting import COMMENT, Possible, could_own, fresh, possible
from controls.exceptions.forms import ActForm
from controls.exceptions.listing import due_said, is_late, repeated, severity_said, state_said
from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.states import LIVE, TRANSITIONS
from controls.results.accounts import account_names, keys_in, named
from controls.results.choosing import span_words
from controls.results.models import Occurrence
from controls.results.rows import shown_members
from controls.results.words import title_of
from controls.rules.registry import rule_by_id
from tenants.access.gate import Gate
from tenants.engagements.models import Engagement
from tenants.members.selectors import names_of
from tenants.templatetags.frame import day, figure, moment

MEMBERS: Final = 25
_WHAT: Final = {
    "open": "Opened",
    "triage": "Triaged",
    "fix": "Said to be fixed",
    "good_retest": "Retested: good",
    "bad_retest": "Retest bad: it failed again",
    "close": "Closed",
    "call_false": "Called a false alarm",
    "reopen": "Opened again",
    "correct": "Corrected by judging again",
    "comment": "Comment",
    "join": "A further member joined",
}
_TONES: Final = {
    "open": "deviation", "bad_retest": "deviation", "reopen": "deviation", "triage": "attention", "fix": "attention",
    "good_retest": "met", "close": "met", "correct": "met",
}  # fmt: skip


def exception_page(
    request: HttpRequest,
    exception: ControlException,
    *,
    tried: ActForm | None = None,
    tried_key: str = "",
    refusal: str = "",
    meanwhile: int | None = None,
    mine: str = "",
) -> dict[str, Any]:
    """Return the context of `controls/exception.html`.

    `tried` is the form of an act that was not accepted, `refusal` why; `meanwhile` is the last act that its actor
    had seen, and `mine` what they had typed.
    """
    gate: Gate = request.access
    acts = list(exception.acts.all())
    seen = acts[-1].pk if acts else 0
    control = Control.objects.filter(pk=exception.control).first()
    inside = exception.members.order_by("-local_date", "-time", "-pk").select_related("exception")
    if gate.period is not None:
        inside = inside.filter(local_date__range=(gate.period.start, gate.period.end))
    paginator = Paginator(inside, MEMBERS)
    page = paginator.get_page(request.GET.get("page"))
    opens = control is not None and gate.allows(control, "population.read")
    members = shown_members(page.object_list, gate=gate, opens=opens)
    people = names_of(
        [exception.owner, exception.fixed_by, exception.accepted_by, *(each.by for each in acts)]
    )
    names = account_names(keys_in(exception.facts))
    owners = could_own(request.client) if any(gate.may(f"exception.{name}") for name in ("triage",)) else []
    what = possible(gate, exception, seen=seen, people=owners, tried=tried, tried_key=tried_key)
    rule = rule_by_id(exception.rule)
    may_comment = gate.allows(exception, COMMENT.policy)
    return {
        "exception": exception,
        "control": control,
        "control_title": title_of(control.statement) if control else "",
        "rule": rule,
        "said": named(exception.facts, names).rstrip("."),
        "severity": severity_said(exception.severity),
        "state": state_said(exception),
        "due": due_said(exception, at=gate.at),
        "late": is_late(exception, at=gate.at),
        "live": exception.state in LIVE,
        "owner": people.get(exception.owner, "") if exception.owner else "",
        "clocks": _clocks(exception, acts, gate.at),
        "facts": _facts(exception, people),
        "members_aside": f"{figure(paginator.count)} in all, newest first" if paginator.count > 1 else "",
        "timeline_aside": f"{len(acts)} acts" if len(acts) != 1 else "1 act",
        "timeline": [_told(each, people) for each in acts],
        "members": members,
        "page": page,
        "since": _since_fix(exception, opens=opens),
        "possible": what,
        "nothing": _nothing(exception, what),
        "comment": (
            tried if tried_key == "comment" and tried else fresh(COMMENT, exception, seen=seen, people=[])
        )
        if may_comment
        else None,
        "comment_href": reverse("exception_comment", args=[exception.number]),
        "refusal": refusal,
        "meanwhile": [_told(each, people) for each in acts if each.pk > meanwhile]
        if meanwhile is not None
        else [],
        "mine": mine,
        "conflict": meanwhile is not None,
        "prints": _prints(exception, request),
        "repeats": repeated(gate, exception),
        "recurrences": [
            each.number for each in gate.only(exception.recurrences.order_by("opened")[:20], "exception.read")
        ],
    }


def _told(each: ExceptionAct, people: dict[Any, str]) -> dict[str, Any]:
    who = (
        people.get(each.by, "somebody who is gone")
        if each.by
        else "the rule"
        if each.way == "rule"
        else "system"
    )
    leaf = f" · leaf {figure(each.ledger_seq)} of the ledger" if each.ledger_seq is not None else ""
    return {
        "at": each.at,
        "who": who + leaf,
        "what": _WHAT.get(each.action, each.action.replace("_", " ")),
        "words": "" if each.action == "open" else each.words,
        "tone": _TONES.get(each.action, ""),
    }


def _clocks(exception: ControlException, acts: list[ExceptionAct], at: datetime) -> list[tuple[str, object]]:
    """Times in order, each with what it means for its clock."""
    triaged = next((each.at for each in acts if each.action in ("triage", "fix", "call_false")), None)
    rows: list[tuple[str, object]] = [
        ("First member", moment(exception.occurred_first)),
        ("Detected", moment(exception.detected)),
        ("Triage due", _due(exception.triage_due, triaged, at, waiting=exception.state == "open")),
        ("Fix due", _due(exception.fix_due, exception.fixed_at, at, waiting=exception.state in LIVE)),
    ]
    if exception.occurred_last != exception.occurred_first:
        rows.insert(1, ("Last member", moment(exception.occurred_last)))
    if exception.retested_at:
        rows.append(("Retested", moment(exception.retested_at)))
    if exception.closed_at:
        rows.append(("Closed", moment(exception.closed_at)))
    if exception.accepted_until:
        rows.append(("Accepted until", day(exception.accepted_until)))
    return rows


def _due(due: datetime, done: datetime | None, at: datetime, *, waiting: bool) -> SafeString:
    from tenants.templatetags.frame import span

    if done is not None:
        said = "in time" if done <= due else f"done {span(done - due)} late"
    elif waiting:
        said = f"in {span(due - at)}" if due >= at else f"{span(at - due)} late"
    else:
        said = "not needed any more"
    tone = "red" if done is None and waiting and due < at else "quiet"
    return format_html('{} <span class="{}">{}</span>', moment(due), tone, said)


def _facts(exception: ControlException, people: dict[Any, str]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        ("Cause", exception.cause or None),
        ("Harm", exception.harm or None),
        ("Owner", people.get(exception.owner) if exception.owner else None),
    ]
    if exception.cause_words:
        rows.append(("Why", exception.cause_words))
    if exception.fix:
        by = people.get(exception.fixed_by, "") if exception.fixed_by else ""
        rows.append(("Fix", f"{exception.fix}{f' ({by})' if by else ''}"))
    return rows


def _since_fix(exception: ControlException, *, opens: bool) -> dict[str, Any] | None:
    """What members of the same group did after the fix: what a retest looks at."""
    if exception.fixed_at is None or exception.state not in ("fixed", "retested"):
        return None
    member = exception.members.order_by("pk").values("group", "actor_key").first()
    if member is None:
        return None
    rows = Occurrence.objects.filter(rule=exception.rule, group=member["group"], time__gt=exception.fixed_at)
    counts = rows.aggregate(
        **{name: Count("pk", filter=Q(result=name)) for name in ("pass", "fail", "unknown")}
    )
    return {
        **{f"n_{name}": counts[name] for name in ("pass", "fail", "unknown")},
        "href": f"{reverse('members', args=[exception.control, exception.rule])}?account={member['actor_key']}"
        if opens and member["actor_key"]
        else "",
    }


def _nothing(exception: ControlException, what: list[Possible]) -> str:
    """Say why there is nothing to do, where there is not."""
    if what:
        return ""
    if exception.state == "merged":
        return "It was merged into another exception, which goes on."
    if not TRANSITIONS.get(exception.state):
        return "Nothing can be done about it any more."
    return ""


def _prints(exception: ControlException, request: HttpRequest) -> dict[str, Any]:
    """Say where packages print it, and which engagements' periods hold one of its members."""
    zone = request.client.tzinfo
    first = exception.occurred_first.astimezone(zone).date()
    last = exception.occurred_last.astimezone(zone).date()
    days = span_words(first, last)
    tests = f"the tests of {exception.control}" if exception.control else "the tests of its control"
    sentences = [
        f"Section IV, with {tests}: its members stay failures in both rates, whatever becomes of it.",
        "Section V, under management's responses: “No response given”, until management responds.",
    ]
    if exception.state == "false_positive":
        sentences.append(
            "Its members print with the words of the false alarm, unless judging them again cleared them."
        )
    engagements = []
    gate: Gate = request.access
    for each in gate.only(Engagement.objects.filter(client=request.client), "engagement.read"):
        start, end = each.as_of or each.period_start, each.as_of or each.period_end
        if start is not None and end is not None and start <= last and end >= first:
            engagements.append(f"{each.get_kind_display()}, {span_words(start, end)}, {each.firm}")
    return {"days": days, "sentences": sentences, "engagements": engagements}
