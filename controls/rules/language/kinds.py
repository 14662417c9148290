"""The keys that only one kind of rule has: correlation, absence, state, baseline, reconciliation, deadline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from controls.rules.language.durations import is_duration, parse_duration

if TYPE_CHECKING:
    from controls.rules.language.positions import Node
    from controls.rules.language.schema import RuleReader

OWN_KEYS: Final = {
    "correlation": "correlation",
    "absence": "absence",
    "state": "state",
    "baseline": "baseline",
    "reconciliation": "reconciliation",
    "deadline": "member",
}
CORRELATION_TYPES: Final = ("event_count", "value_count", "value_sum", "temporal", "temporal_ordered")
_COUNTED: Final = ("event_count", "value_count", "value_sum")
_ITEM: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_RULE_ID: Final = re.compile(r"R[0-9]{2,3}\Z")


def read(reader: RuleReader, top: Node, kind: str, consequence: str) -> dict[str, Any]:
    """Return the plain values of the keys that belong to the rule's kind; those of another kind are errors."""
    found: dict[str, Any] = {}
    for name, owner in OWN_KEYS.items():
        node = top.get(name)
        if node is None:
            if kind == owner and name != "deadline":
                reader.wrong(top, f'kind "{kind}" needs the key "{name}"')
            continue
        if kind and kind != owner:
            reader.wrong(node, f'"{name}" belongs to kind "{owner}", not to kind "{kind}"')
            continue
        _READERS[name](reader, node, top)
        found[name] = node.plain()
    deadline = top.get("deadline")
    if deadline is not None and consequence == "alert":
        # An alert's own triage target is its deadline.
        reader.wrong(deadline, 'consequence "alert" needs no deadline')
    return found


def _duration(reader: RuleReader, node: Node | None, what: str, *, exact: bool = False) -> None:
    """Check a duration; a placeholder of a setting may stand for it."""
    if node is None:
        return
    if isinstance(node.value, str) and node.value.startswith("%setting."):
        name = node.value.removeprefix("%setting.").removesuffix("%")
        setting = reader.selections.settings.get(name)
        if setting is None:
            reader.wrong(node, f"placeholder %setting.{name}% has no such setting")
        elif setting.type != "duration":
            reader.wrong(node, f"placeholder %setting.{name}% is of type {setting.type}, not a duration")
        return
    good = parse_duration(node.value) is not None if exact else is_duration(node.value)
    if not good:
        reader.wrong(node, f"{what} must be a duration such as 10m")


def _field(reader: RuleReader, node: Node | None) -> None:
    if node is None:
        return
    if not isinstance(node.value, str):
        reader.wrong(node, "a field must be named by text")
        return
    selections = reader.selections
    sentence = selections.vocabulary.field_error(
        node.value, selections.class_uid, frozenset(selections.settings)
    )
    if sentence:
        reader.wrong(node, sentence)


def _correlation(reader: RuleReader, node: Node, top: Node) -> None:
    for entry in node.elements if node.kind == "list" else [node]:
        reader.map_of(
            entry,
            "correlation",
            ("type", "base", "group_by", "group-by", "timespan", "field", "condition"),
            ("type", "timespan"),
        )
        if entry.kind != "map":
            continue
        kind = reader.choice(entry.get("type"), "correlation type", CORRELATION_TYPES)
        _duration(reader, entry.get("timespan"), "timespan", exact=True)
        _base(reader, entry, top)
        for name in ("group_by", "group-by"):
            for group in reader.texts(entry.get(name), name, empty=False):
                _field(reader, group)
        field = entry.get("field")
        _field(reader, field)
        if kind in ("value_count", "value_sum") and field is None:
            reader.wrong(entry, f'correlation type "{kind}" needs a "field"')
        condition = entry.get("condition")
        if kind in _COUNTED:
            if condition is None:
                reader.wrong(entry, f'correlation type "{kind}" needs a condition such as {{gte: 10}}')
            else:
                _count_condition(reader, condition)


def _count_condition(reader: RuleReader, node: Node) -> None:
    reader.map_of(node, "condition", ("gt", "gte", "lt", "lte", "eq", "neq"))
    if node.kind != "map":
        return
    if not node.entries:
        reader.wrong(node, "the condition is empty")
    for key, value in node.entries:
        if isinstance(value.value, str) and value.value.startswith("%setting."):
            name = value.value.removeprefix("%setting.").removesuffix("%")
            setting = reader.selections.settings.get(name)
            if setting is None:
                reader.wrong(value, f"placeholder %setting.{name}% has no such setting")
            elif setting.type not in ("int", "float"):
                reader.wrong(value, f"placeholder %setting.{name}% is of type {setting.type}, not a number")
        elif isinstance(value.value, bool) or not isinstance(value.value, (int, float)):
            reader.wrong(value, f'"{key.value}" needs a number')


def _base(reader: RuleReader, entry: Node, top: Node) -> None:
    """Base events are selections of the rule, by name, or other rules, by id."""
    blocks = [block for block in (top.get("population"), top.get("detection")) if block is not None]
    known = [str(name.value) for block in blocks for name, _ in block.entries if name.value != "condition"]
    base = entry.get("base")
    if base is not None and base.kind == "scalar" and isinstance(base.value, str):
        names = [base]
    else:
        names = reader.texts(base, "base", empty=False)
    for name in names:
        if name.value not in known and not _RULE_ID.match(str(name.value)):
            reader.wrong(
                name,
                f'base names "{name.value}", which is not defined (defined: {", ".join(known) or "none"})',
            )


def _absence(reader: RuleReader, node: Node, top: Node) -> None:
    reader.map_of(node, "absence", ("entity", "slots", "grace", "match"), ("entity", "slots", "match"))
    if node.kind != "map":
        return
    slots = node.get("slots")
    if slots is not None and slots.value not in ("plan", "rhythm") and not is_duration(slots.value):
        reader.wrong(slots, "slots must be plan, rhythm or a duration such as 1d")
    _duration(reader, node.get("grace"), "grace")
    match = node.get("match")
    if match is not None:
        if match.kind == "map" and match.get("condition") is not None:
            reader.selections.block(match, "match")
        else:
            reader.selections.selection(match, "match")


def _state(reader: RuleReader, node: Node, top: Node) -> None:
    reader.map_of(node, "state", ("item", "snapshot", "max_age", "tolerance"), ("item", "snapshot"))
    if node.kind != "map":
        return
    item = node.get("item")
    if item is not None and not (isinstance(item.value, str) and _ITEM.match(item.value)):
        reader.wrong(item, "item must be the name of a kind of item, such as account")
    reader.text(node.get("snapshot"), "snapshot", 60)
    for name in ("max_age", "tolerance"):
        _duration(reader, node.get(name), name, exact=True)


def _baseline(reader: RuleReader, node: Node, top: Node) -> None:
    reader.map_of(
        node,
        "baseline",
        ("measure", "window", "min_days", "min_events", "method", "limit"),
        ("measure", "window", "method"),
    )
    if node.kind == "map":
        _duration(reader, node.get("window"), "window")
        reader.choice(node.get("method"), "method", ("mad", "first_seen", "hours"))


def _reconciliation(reader: RuleReader, node: Node, top: Node) -> None:
    reader.map_of(
        node, "reconciliation", ("left", "right", "keys", "tolerance", "one_to"), ("left", "right", "keys")
    )
    if node.kind != "map":
        return
    keys = node.get("keys")
    if keys is not None and (
        keys.kind != "list" or not keys.elements or not all(len(pair.elements) == 2 for pair in keys.elements)
    ):
        reader.wrong(keys, "keys must be a list of pairs [left, right]")
    reader.choice(node.get("one_to"), "one_to", ("one", "many"))
    _duration(reader, node.get("tolerance"), "tolerance")


def _deadline(reader: RuleReader, node: Node, top: Node) -> None:
    reader.map_of(node, "deadline", ("within", "until", "business_days"), ("within", "until"))
    if node.kind != "map":
        return
    within = node.get("within")
    if within is not None and within.kind == "map":
        for _, value in within.entries:  # by severity
            _duration(reader, value, "within")
    else:
        _duration(reader, within, "within")
    business = node.get("business_days")
    if business is not None and not isinstance(business.value, bool):
        reader.wrong(business, "business_days must be true or false")
    until = node.get("until")
    if until is not None:
        if until.kind == "map" and until.get("condition") is not None:
            reader.selections.block(until, "until")
        else:
            reader.selections.selection(until, "until")


_READERS: Final = {
    "correlation": _correlation,
    "absence": _absence,
    "state": _state,
    "baseline": _baseline,
    "reconciliation": _reconciliation,
    "deadline": _deadline,
}
