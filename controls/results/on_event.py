"""What the rules said, on the pages of the evidence: beside one event, and below a delivered file."""

from typing import Any, Final

from django.db.models import Case, Value, When

from controls.exceptions.listing import rows_of, visible
from controls.results.accounts import account_names
from controls.results.models import Occurrence
from controls.results.reasons import reason_help, reason_words
from controls.results.words import RESULTS, Said
from controls.rules.registry import rule_by_id
from evidence.batches.models import Batch
from evidence.events.parts import Part
from tenants.access.gate import Gate

MOST: Final = 50


def on_event_page(sender: object, *, batch: Batch, seq: int, gate: Gate, **_: object) -> Part | None:
    """Answer with every rule that looked at a record of a batch, and what it said; None where rules are not shown."""
    if not gate.may("result.read"):
        return None
    found = Occurrence.objects.filter(batch=batch, seq=seq).select_related("exception")
    # A listing has a row for each of its accounts: what went wrong comes first, the rest is counted.
    order = Case(When(result="fail", then=Value(0)), When(result="unknown", then=Value(1)), default=Value(2))
    shown = gate.only(found.order_by(order, "rule", "member_id")[: MOST + 1], "result.read")
    names = account_names(row.actor_key or row.group[0] for row in shown if row.uid is None and row.group)
    rows = [_said(each, names) for each in shown[:MOST]]
    aside = "of each account that it lists" if names else ""
    return Part(
        "controls/event_part.html",
        {"rows": rows, "more": len(shown) > MOST, "listing": bool(names), "aside": aside},
    )


def _said(row: Occurrence, names: dict[str, str]) -> dict[str, Any]:
    rule = rule_by_id(row.rule)
    said = RESULTS.get(row.result, Said("none", row.get_result_display()))
    text = f"{said.text}: {reason_words(row.reason)}" if row.result == "unknown" else said.text
    notes = {
        "none": "Its own part of the population matched, and what was known of the account says that it is no member.",
        "attached": "A second record of something that another record already counts.",
    }
    return {
        "row": row,
        "title": rule.title if rule else row.rule,
        "about": names.get(row.group[0], row.group[0]) if row.uid is None and row.group else "",
        "said": Said(said.tone, text),
        "note": row.note
        or notes.get(row.result, "")
        or (reason_help(row.reason) if row.result == "unknown" else ""),
        "exception": row.exception.number if row.exception else "",
    }


def on_delivery_page(sender: object, *, batches: list[Batch], gate: Gate, **_: object) -> Part | None:
    """Answer with the exceptions to which members of these batches belong."""
    if not batches or not gate.may("exception.read"):
        return None
    members = Occurrence.objects.filter(batch__in=batches, exception__isnull=False).values("exception")
    found = visible(gate).filter(pk__in=members).order_by("-opened", "number")
    opened = sum(batch.exceptions for batch in batches)
    rows = rows_of(gate, found[:MOST], at=gate.at)
    instants = {batch.recorded_at for batch in batches}
    fresh = [row for row in rows if row.exception.opened in instants]
    if not rows and not opened:
        return None
    values = {"rows": [(row, row in fresh) for row in rows], "elsewhere": max(0, opened - len(fresh))}
    return Part("controls/delivery_part.html", values)
