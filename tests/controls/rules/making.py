"""Rules, events and truths for the tests of the rule language."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from controls.rules.language.cases import NormalizedEvent
from controls.rules.language.compile import Bindings, compile_expression
from controls.rules.language.errors import RuleErrors
from controls.rules.language.kleene import Truth
from controls.rules.language.positions import read_yaml
from controls.rules.language.rule import Rule
from controls.rules.language.schema import read_rule
from controls.rules.language.selections import SelectionReader
from controls.rules.language.vocabulary import Vocabulary
from evidence.ocsf.event import MISSING

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)

_NEVER = {("github", "is_mfa"), ("aws", "unmapped.never")}

VOCABULARY = Vocabulary(
    criteria=frozenset({"CC6.1", "CC6.3", "CC7.2"}),
    controls=frozenset({"AC-01", "AC-02"}),
    sources=frozenset({"aws", "github"}),
    sends=lambda source, path: "never" if (source, path) in _NEVER else "sometimes",
    mappings={"aws/cloudtrail": {"eventName": "action", "responseElements.*": "unmapped.responseElements.*"}},
)

HEAD = """\
id: R01
title: A rule
description: What it looks at.
version: "1.0"
kind: member
consequence: deviation
severity: high
soc2: {criteria: [CC6.1], controls: [AC-01]}
sources: [aws]
"""
POPULATION = """\
population:
  all: {class_uid: 3002}
  condition: all
"""
DETECTION = """\
detection:
  bad: {unmapped.x: 1}
  condition: bad
"""
TAIL = """\
remediation: {summary: Mend it.}
tests:
  - {name: bad, at: 2026-03-03T09:00:00Z, given: [{class_uid: 3002, unmapped.x: 1}], expect: {result: fail}}
  - {name: silent, at: 2026-03-03T09:00:00Z, given: [{class_uid: 3002}], expect: {result: unknown}}
"""


def rule_text(
    *,
    head: str = HEAD,
    population: str = POPULATION,
    detection: str = DETECTION,
    extra: str = "",
    tail: str = TAIL,
) -> str:
    """Return a rule file; each part can be replaced, and `extra` keys added before the tests."""
    parts = (head, population, detection, extra, tail)
    return "".join(
        textwrap.dedent(part) if part.endswith("\n") or not part else textwrap.dedent(part) + "\n"
        for part in parts
    )


def rule(**parts: str) -> Rule:
    """Return a rule of the given parts."""
    return read_rule(rule_text(**parts), "rule.yml", vocabulary=VOCABULARY)


def errors_of(text: str) -> list[str]:
    """Return everything that is wrong with a rule file, as printed."""
    try:
        read_rule(text, "rule.yml", vocabulary=VOCABULARY)
    except RuleErrors as refused:
        return [str(error) for error in refused.errors]
    return []


def event(source: str = "aws", time: datetime = NOON, **fields: Any) -> NormalizedEvent:
    """Return an event by its fields; `__` in a name stands for a dot."""
    return NormalizedEvent({name.replace("__", "."): value for name, value in fields.items()}, time, source)


def given(fields: Mapping[str, Any], source: str = "aws", time: datetime = NOON) -> NormalizedEvent:
    """Return an event by a map of paths to values."""
    return NormalizedEvent(fields, time, source)


def selection_truth(
    selection: str, event: NormalizedEvent, facts: Mapping[str, object] | None = None, **bindings: Any
) -> Truth:
    """Return what one selection, written in YAML, says of an event."""
    node, errors = read_yaml(selection, "selection.yml")
    assert node is not None, errors
    reader = SelectionReader("selection.yml", VOCABULARY)
    expression = reader.selection(node, "selection")
    assert [str(error) for error in (*errors, *reader.errors)] == []
    known = facts or {}
    bound = Bindings(never_sent=lambda source, path: VOCABULARY.sends(source, path) == "never", **bindings)
    return compile_expression(expression, bound).test(event, lambda _, name: known.get(name, MISSING))


def letter(truth: Truth) -> str:
    """Return T, F, or U and the reason."""
    return "T" if truth is True else "F" if truth is False else f"U {truth.reason}"
