"""Members of a population as tables show them, each with the way to its bytes."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from controls.results.accounts import account_names
from controls.results.models import Occurrence
from controls.results.reasons import reason_help, reason_words
from controls.results.words import RESULTS, Said
from tenants.access.gate import Gate


@dataclass(frozen=True, slots=True)
class ShownMember:
    """One member: when, what, who, its result in words, and the address of its record."""

    row: Occurrence
    what: str
    who: str
    key: str
    target: str
    said: Said
    note: str
    help: str
    href: str
    exception: str


def shown_members(rows: Iterable[Occurrence], *, gate: Gate, opens: bool) -> list[ShownMember]:
    """Return members in the order given, those that the person may see; accounts by their names, in one query.

    The rows should have `exception` selected. `opens` says whether the person may look at records, which their
    control decides; an auditor's period bounds the rows besides.
    """
    members = list(rows) if gate.period is None else gate.only(rows, "population.read")
    names = account_names(key for row in members for key in (row.actor_key, row.target_key))
    return [_shown(row, names, opens=opens) for row in members]


def _shown(row: Occurrence, names: dict[str, str], *, opens: bool) -> ShownMember:
    said = RESULTS.get(row.result, Said("none", row.get_result_display()))
    note = reason_words(row.reason) if row.result == "unknown" else row.note
    return ShownMember(
        row=row,
        what=row.action or ("account day" if row.uid is None else "event"),
        who=names.get(row.actor_key, row.actor_key),
        key=row.actor_key if row.actor_key in names else "",
        target=names.get(row.target_key, row.target_key),
        said=said,
        note=note,
        help=reason_help(row.reason) if row.result == "unknown" else "",
        href=address_of(row) if opens else "",
        exception=row.exception.number if row.exception else "",
    )


def address_of(row: Occurrence) -> str:
    """Return the page of the record that a member was judged from: its event, or the batch of its listing."""
    if row.uid is None:
        return reverse("batch", args=[row.batch_id])
    return reverse("event", args=[row.batch_id, row.seq])
