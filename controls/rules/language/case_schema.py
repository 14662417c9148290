"""The worked cases in a rule file: read, and checked for what they may say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from controls.rules.language.errors import RuleError, did_you_mean
from controls.rules.language.rule import SEVERITIES, Case
from controls.rules.language.settings import complaint

if TYPE_CHECKING:
    from controls.rules.language.positions import Node
    from controls.rules.language.schema import RuleReader

CASE_KEYS: Final = ("name", "at", "settings", "lists", "facts", "snapshot", "coverage", "given", "expect")
EXPECT_KEYS: Final = ("result", "reason", "count", "exceptions", "severity")
# `none` says that nothing was a member; `alert` that one was opened, which is unknown (pending) until triaged.
RESULTS: Final = ("pass", "fail", "unknown", "none", "alert")
REASONS: Final = ("missing", "not_sent", "fact", "membership", "immature", "gap", "pending", "stale")


def read_cases(
    reader: RuleReader, node: Node | None, kind: str, consequence: str, sources: tuple[str, ...]
) -> tuple[Case, ...]:
    """Read the rule's `tests`; what is wrong with them is noted on the reader."""
    if node is None:
        return ()
    entries = reader.listed(node, "tests")
    read = [case for entry in entries if (case := _case(reader, entry, kind, sources)) is not None]
    results = {case.expect.get("result") for case in read}
    # An alert's condition holding is no failure yet, so its cases may say so in either word.
    fails = bool(results & ({"fail", "alert"} if consequence == "alert" else {"fail"}))
    whole = len(entries) == len(read) and node.kind == "list"
    if whole and (len(read) < 2 or not fails or "unknown" not in results):
        word = "fail or alert" if consequence == "alert" else "fail"
        reader.wrong(
            node, f"tests needs at least two cases, one that expects {word} and one that expects unknown"
        )
    names: set[str] = set()
    for case in read:
        if case.name in names:
            reader.errors.append(
                RuleError(reader.file, case.line, case.column, f'test "{case.name}" stands twice')
            )
        names.add(case.name)
    return tuple(read)


def _case(reader: RuleReader, node: Node, kind: str, sources: tuple[str, ...]) -> Case | None:
    reader.map_of(node, "test", CASE_KEYS, ("name", "expect"))
    if node.kind != "map":
        return None
    at = node.get("at")
    if at is not None and not _is_moment(at.value):
        reader.wrong(at, "at must be a time with its zone, such as 2026-03-03T09:00:00Z")
    expect = _expectation(reader, node.get("expect"))
    _case_settings(reader, node.get("settings"))
    maps: dict[str, dict[str, object]] = {}
    for name in ("settings", "lists", "facts"):
        part = node.get(name)
        if part is not None and part.kind != "map":
            reader.wrong(part, f"{name} must be a map")
        maps[name] = {str(k.value): v.plain() for k, v in part.entries} if part else {}
    _case_facts(reader, node.get("facts"))
    given = reader.listed(node.get("given"), "given")
    snapshot = reader.listed(node.get("snapshot"), "snapshot")
    for entry in [*given, *snapshot]:
        if entry.kind != "map":
            reader.wrong(entry, "a given event or item must be a map")
    for event in given:
        _given_source(reader, event, sources)
    if kind == "state" and at is None:
        reader.wrong(node, 'a test of kind state needs "at", the moment of judgment')
    if kind == "member" and not given:
        reader.wrong(node, 'a test of kind member needs "given", the events')
    coverage = node.get("coverage")
    return Case(
        name=reader.text(node.get("name"), "test name", 200),
        at=str(at.value) if at else None,
        settings=maps["settings"],
        lists=maps["lists"],
        facts=maps["facts"],
        snapshot=tuple(entry.plain() for entry in snapshot),
        coverage=coverage.plain() if coverage else None,
        given=tuple(entry.plain() for entry in given),
        expect=expect,
        line=node.line,
        column=node.column,
    )


def _given_source(reader: RuleReader, event: Node, sources: tuple[str, ...]) -> None:
    source = event.get("source")
    if event.get("raw") is None:
        return
    for key, _ in event.entries:
        if key.value not in ("source", "raw"):
            reader.wrong(key, f'unknown key "{key.value}" beside a raw record (source and raw only)')
    if source is None:
        reader.wrong(event, 'a raw record needs its "source"')
    elif source.value not in reader.vocabulary.sources:
        reader.wrong(source, f'source "{source.value}" has no adapter to read a raw record')
    elif sources and "any" not in sources and source.value not in sources:
        reader.wrong(source, f'source "{source.value}" is not one of the rule\'s sources')


def _case_settings(reader: RuleReader, node: Node | None) -> None:
    settings = reader.selections.settings
    for key, value in node.entries if node else []:
        setting = settings.get(str(key.value))
        if setting is None:
            reader.wrong(
                key, f'the rule has no setting "{key.value}".{did_you_mean(str(key.value), settings)}'
            )
        elif sentence := complaint(setting, value.plain(), "value"):
            reader.wrong(value, sentence)


def _case_facts(reader: RuleReader, node: Node | None) -> None:
    for key, _ in node.entries if node else []:
        name = str(key.value).removeprefix("fact.")
        if sentence := reader.vocabulary.field_error(f"fact.{name}", None, frozenset()):
            reader.wrong(key, sentence)


def _expectation(reader: RuleReader, node: Node | None) -> dict[str, object]:
    reader.map_of(node, "expect", EXPECT_KEYS)
    if node is None or node.kind != "map":
        return {}
    if not node.entries:
        reader.wrong(node, "expect expects nothing")
    for name, choices in (("result", RESULTS), ("reason", REASONS), ("severity", SEVERITIES)):
        reader.choice(node.get(name), name, choices)
    for name in ("count", "exceptions"):
        number = node.get(name)
        if number is not None and (type(number.value) is not int or number.value < 0):
            reader.wrong(number, f"{name} must be a whole number")
    return {str(key.value): value.plain() for key, value in node.entries}


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
