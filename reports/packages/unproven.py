"""What a package does not prove, line by line, from the same rows that the package ships.

The verifier derives the list again from the files. So a line cannot be left out, and one that the files do not
carry cannot be put in, but by those kinds that only the builder knows (`BY_HAND`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from controls.results.reasons import reason_words
from reports.packages.coverage import Days, runs, span
from reports.packages.rows import CoverageRow, CriterionRow, DutyRow, ExceptionRow

KINDS: Final = {
    "gap": "Gaps: days on which a source was not heard",
    "unknown_days": "Days whose state is not known yet",
    "days_out_of_scope": "Days before or after a source was in scope",
    "unknown_members": "Members that could not be judged",
    "not_tested": "Procedures not tested",
    "rule_off": "Days on which a rule was off",
    "rejected": "Records that could not be read",
    "refilled": "Days heard late, by a later pull",
    "late": "Members that arrived after the freeze",
    "not_frozen": "Populations not frozen",
    "representation": "Populations that rest on representation only",
    "tie_out": "Tie-outs that differ",
    "waived": "Waived duties",
    "accepted": "Accepted risks",
    "suppression": "Suppressions in force",
    "vendor_days": "Days that no vendor report covers",
    "criterion_out": "Criteria left out",
    "config_late": "Configuration taken late",
}
BY_HAND: Final = frozenset({"suppression", "vendor_days", "config_late"})


@dataclass(frozen=True, slots=True)
class Unproven:
    """One line. `key` names the thing within its kind, `count` how many days, members or records it means."""

    kind: str
    key: str
    count: int
    sentence: str
    pid: str = ""
    file: str = ""
    filter: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Unprovens:
    """All lines, and per kind how many things were looked at: an empty kind prints "none" with that number."""

    lines: list[Unproven] = field(default_factory=list)
    looked_at: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def of(self, kind: str) -> list[Unproven]:
        """The lines of one kind, in order of their keys."""
        return sorted((line for line in self.lines if line.kind == kind), key=lambda line: line.key)

    def add(self, line: Unproven) -> None:
        """Add a line."""
        self.lines.append(line)

    @property
    def gap_days(self) -> int:
        """Source-days that are gaps."""
        return sum(line.count for line in self.of("gap"))


def day_lines(
    found: Unprovens,
    days: Days,
    rows: Sequence[CoverageRow],
    notes: Mapping[Any, str],
    users: Mapping[str, list[str]],
) -> None:
    """Lines about source days: gaps, unknown, out of scope, rejected records, refilled days.

    `notes` gives the reason of a gap by (source, first day), `users` the controls that read a source.
    """
    words = {
        "gap": "was not heard",
        "unknown": "is not settled",
        "not_in_scope": "was not in scope",
    }
    kinds = {"gap": "gap", "unknown": "unknown_days", "not_in_scope": "days_out_of_scope"}
    for source in sorted(days):
        controls = ", ".join(users.get(source, [])) or "none"
        for state, kind in kinds.items():
            found.looked_at[kind] += len(days[source])
            for first, last in runs(days[source], state):
                length = (last - first).days + 1
                reason = notes.get((source, first), "") if state == "gap" else ""
                found.add(
                    Unproven(
                        kind,
                        f"{source}/{first}_{last}",
                        length,
                        f"{source} {words[state]} on {length} {'day' if length == 1 else 'days'}, {span(first, last)}"
                        f"{' (' + reason + ')' if reason else ''}; controls: {controls}.",
                        file="coverage.csv",
                        filter={
                            "source": source,
                            "state": state,
                            "local_date": {"from": first.isoformat(), "to": last.isoformat()},
                        },
                    )
                )
    _record_lines(found, rows)


def _record_lines(found: Unprovens, rows: Sequence[CoverageRow]) -> None:
    for source in sorted({row.source for row in rows}):
        own = [row for row in rows if row.source == source]
        found.looked_at["rejected"] += sum(row.records for row in own)
        found.looked_at["refilled"] += len(own)
        rejected = sum(row.rejected for row in own)
        if rejected:
            found.add(
                Unproven("rejected", source, rejected, f"{rejected} records of {source} could not be read.",
                         file="coverage.csv")
            )  # fmt: skip
        refilled = sum(row.refilled_at is not None for row in own)
        if refilled:
            found.add(
                Unproven("refilled", source, refilled, f"{source}: {refilled} days were heard late.",
                         file="coverage.csv")
            )  # fmt: skip


def decision_lines(
    found: Unprovens,
    duties: Iterable[DutyRow],
    exceptions: Iterable[ExceptionRow],
    criteria: Iterable[CriterionRow],
) -> None:
    """Lines about what people decided: waivers, accepted risks, criteria left out."""
    for duty in duties:
        found.looked_at["waived"] += 1
        if duty.state == "waived":
            found.add(
                Unproven("waived", duty.duty, 1, f"{duty.title} ({duty.control}), due {duty.due.date()}, was waived.",
                         file="duties.csv", filter={"duty": duty.duty, "state": "waived"})
            )  # fmt: skip
    for each in exceptions:
        found.looked_at["accepted"] += 1
        if each.state == "accepted":
            until = f" until {each.accepted_until}" if each.accepted_until else ""
            found.add(
                Unproven("accepted", each.id, 1, f"{each.id} at {each.control}: the risk is accepted{until}.",
                         file="exceptions.csv", filter={"id": each.id, "state": "accepted"})
            )  # fmt: skip
    for criterion in criteria:
        found.looked_at["criterion_out"] += 1
        if not criterion.in_scope:
            found.add(
                Unproven("criterion_out", criterion.criterion, 1,
                         f"{criterion.criterion} is out of scope: {criterion.reason or 'no reason given'}.",
                         file="criteria.csv", filter={"criterion": criterion.criterion, "in_scope": "no"})
            )  # fmt: skip


def sheet_lines(found: Unprovens, sheets: Iterable[Mapping[str, Any]]) -> None:
    """Lines about populations: unknown members, late members, freezing, completeness, rules that were off."""
    for sheet in sheets:
        pid = sheet["pid"]
        for kind in ("not_frozen", "representation"):
            found.looked_at[kind] += 1
        found.looked_at["unknown_members"] += sheet["rows"]
        found.looked_at["late"] += sheet["rows"]
        found.looked_at["tie_out"] += len(sheet["tie_outs"])
        found.looked_at["rule_off"] += sheet["coverage"]["days"]
        for reason, count in sorted(sheet["unknown_reasons"].items()):
            found.add(
                Unproven("unknown_members", f"{pid}/{reason}", count,
                         f"{count} {'member' if count == 1 else 'members'} of {pid} could not be judged:"
                         f" {reason_words(reason)}.", pid=pid,
                         filter={"result": "unknown", "reason": reason})
            )  # fmt: skip
        if sheet["late"]["count"]:
            late = sheet["late"]["count"]
            found.add(
                Unproven("late", pid, late, f"{late} members of {pid} arrived after it was frozen.",
                         file=sheet["late"]["file"])
            )  # fmt: skip
        if sheet["frozen_at"] is None:
            found.add(
                Unproven("not_frozen", pid, sheet["rows"], f"{pid} is not frozen; its members may change.")
            )
        if sheet["verdict"] == "representation only":
            found.add(
                Unproven("representation", pid, sheet["rows"],
                         f"No independent figure confirms that {pid} is complete.")
            )  # fmt: skip
        for each in sheet["tie_outs"]:
            if each["difference"]:
                found.add(
                    Unproven("tie_out", f"{pid}/{each['id']}", abs(each["difference"]),
                             f"{pid} {each['id']}: {each['own']} against {each['other']} ({each['where']});"
                             f" {each['explanation'] or 'not explained'}.")
                )  # fmt: skip
        off = sheet["coverage"]["off"]
        if off:
            found.add(Unproven("rule_off", pid, off, f"The rule of {pid} was off on {off} days."))


def source_days(rows: Iterable[CoverageRow]) -> dict[str, dict[Any, str]]:
    """States by source and date. Raises ValueError if a source has a day twice."""
    found: dict[str, dict[Any, str]] = {}
    for row in rows:
        own = found.setdefault(row.source, {})
        if row.local_date in own:
            raise ValueError(f"{row.source} has {row.local_date} twice.")
        own[row.local_date] = row.state
    return found
