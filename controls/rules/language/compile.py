"""From expressions to closures: one compiled evaluator for live intake, replay, backtest and a rule's own tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final

from controls.rules.language.expressions import Every, Expression, FieldTest, Named, Negation
from controls.rules.language.kleene import Test, Truth, Unknown, all_of, any_of, not_
from controls.rules.language.operators import Comparison, build_comparison, network_entry, references_match
from controls.rules.language.placeholders import Unfilled, expand
from controls.rules.language.reading import FACT, SETTING, Absence, reading
from evidence.ocsf.event import MISSING

# Answers are remembered per distinct text, up to this many, then forgotten at once (performance §4.2).
MEMO_SIZE: Final = 4096
MEMO_TEXT: Final = 400


def _sends_everything(source: str, path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a rule's text is bound to at one client: settings, value lists, zone, and the sources' contracts.

    `lists` maps a list's name to its entries, or to None where the client never filled it. `never_sent`
    says whether a source never sends a field.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    never_sent: Callable[[str, str], bool] = _sends_everything
    # Sigma's own reading of what is not there: missing is false, and null matches missing.
    sigma: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """A field's value must satisfy `admits` or the rule cannot hold; the index calls the rule only then."""

    field: str
    admits: Callable[[object], bool]


# How many rules a distinct value of the field lets through, guessed: more is better for an index.
SELECTIVITY: Final = {
    "action": 100,
    "api.service.name": 60,
    "http_request.user_agent": 40,
    "class_uid": 20,
    "activity_id": 10,
    "source": 8,
    "status_id": 2,
}
_OTHER_FIELD = 30
# A new value with nearly every event: an index over them would remember nothing twice.
_NEVER_INDEXED = frozenset(
    {
        "time",
        "uid",
        "actor_key",
        "target_key",
        "src_ip",
        "occurrence_key",
        "seq",
        "raw",
        "digest",
        "session.uid",
    }
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A test, and the gates of which one must admit an event for the test to hold; None without any."""

    test: Test
    gates: tuple[Gate, ...] | None = None

    @property
    def selectivity(self) -> int:
        """How selective the least selective gate is guessed to be; 0 without gates."""
        if self.gates is None:
            return 0
        return min((SELECTIVITY.get(gate.field, _OTHER_FIELD) for gate in self.gates), default=1000)


def compile_expression(expression: Expression, bindings: Bindings) -> Compiled:
    """Return the expression as one closure `(event, facts) -> True | False | Unknown`, with its gates.

    Raises PatternError when a value cannot be used as its modifiers ask.
    """
    if isinstance(expression, FieldTest):
        return _compile_field_test(expression, bindings)
    if isinstance(expression, Named):
        return compile_expression(expression.part, bindings)
    if isinstance(expression, Negation):
        return Compiled(not_(compile_expression(expression.part, bindings).test))
    parts = [compile_expression(part, bindings) for part in expression.parts]
    tests = [part.test for part in parts]
    if isinstance(expression, Every):
        best = max(parts, key=lambda part: part.selectivity, default=None)
        return Compiled(all_of(tests), best.gates if best else None)
    if any(part.gates is None for part in parts):
        return Compiled(any_of(tests))
    return Compiled(any_of(tests), tuple(itertools.chain.from_iterable(part.gates or () for part in parts)))


def _expanded(test: FieldTest, bindings: Bindings) -> list[object]:
    if "expand" not in test.modifiers:
        return [value.value for value in test.values]
    values: list[object] = []
    for value in test.values:
        if isinstance(value.value, str):
            from_list = "%list." in value.value
            entries = expand(value.value, bindings.settings, bindings.lists, bindings.zone_name)
            values.extend(network_entry(entry) if from_list else entry for entry in entries)
        else:
            values.append(value.value)
    return values


def _compile_field_test(test: FieldTest, bindings: Bindings) -> Compiled:
    read = reading(test.field, bindings.settings)
    absent = Absence(test.field, bindings.never_sent)
    if "exists" in test.modifiers:
        return Compiled(_existence(test, read, absent, bindings))
    if "fieldref" in test.modifiers:
        return Compiled(_maybe_not(test, _reference(test, read, absent, bindings)))
    values = _expanded(test, bindings)
    unfilled = [value for value in values if isinstance(value, Unfilled)]
    known = [value for value in values if not isinstance(value, Unfilled)]
    comparison = build_comparison(known, test.modifiers, bindings.zone)
    if unfilled:
        return Compiled(
            _maybe_not(test, _with_unfilled(unfilled[0], comparison, test, read, absent, bindings))
        )
    judge = _judgment(test, comparison, bindings)
    missing_holds = bindings.sigma and any(value is None for value in known)
    if comparison.per_moment is not None:
        compiled = _aged(comparison, test, read, absent, bindings)
    else:
        compiled = _plain(test, judge, read, absent, bindings, missing_holds=missing_holds)
    if "neq" in test.modifiers:
        return Compiled(not_(compiled))
    indexable = (
        comparison.per_moment is None
        and not missing_holds
        and test.field not in _NEVER_INDEXED
        and not test.field.startswith((FACT, SETTING))
        and "[]" not in test.field
    )
    return Compiled(compiled, (Gate(test.field, lambda value: judge(value) is True),) if indexable else None)


def _maybe_not(test: FieldTest, compiled: Test) -> Test:
    return not_(compiled) if "neq" in test.modifiers else compiled


def _no_answer(test: FieldTest, bindings: Bindings) -> Truth:
    """Return what a value of the wrong type says."""
    if bindings.sigma:
        return False
    if test.is_fact:
        return Unknown("fact", facts=(test.field.removeprefix(FACT),), can_hold=True, can_fail=True)
    return Unknown("missing", fields=(test.field,))


def _judgment(test: FieldTest, comparison: Comparison, bindings: Bindings) -> Callable[[object], Truth]:
    """Return a function of a value that is there, which remembers its answers to short texts."""
    nothing = _no_answer(test, bindings)
    memo: dict[object, Truth] = {}

    def judge(value: object) -> Truth:
        kind = type(value)
        if kind is str or kind is int:
            known = memo.get(value)
            if known is not None:
                return known
        answer = comparison(value)
        truth = nothing if answer is None else answer
        if (kind is str and len(value) <= MEMO_TEXT) or kind is int:  # type: ignore[arg-type]
            if len(memo) >= MEMO_SIZE:
                memo.clear()
            memo[value] = truth
        return truth

    return judge


def _plain(
    test: FieldTest,
    judge: Callable[[object], Truth],
    read: Callable[[Any, Any], object],
    absent: Absence,
    bindings: Bindings,
    *,
    missing_holds: bool,
) -> Test:
    if bindings.sigma and not test.is_fact:
        return lambda event, facts: missing_holds if (v := read(event, facts)) is MISSING else judge(v)

    def plain(event: Any, facts: Any) -> Truth:
        value = read(event, facts)
        return absent(event) if value is MISSING else judge(value)

    return plain


def _aged(
    comparison: Comparison,
    test: FieldTest,
    read: Callable[[Any, Any], object],
    absent: Absence,
    bindings: Bindings,
) -> Test:
    nothing = _no_answer(test, bindings)

    def aged(event: Any, facts: Any) -> Truth:
        value = read(event, facts)
        if value is MISSING:
            return False if bindings.sigma and not test.is_fact else absent(event)
        answer = comparison.at(event.time)(value)
        return nothing if answer is None else answer

    return aged


def _with_unfilled(
    unfilled: Unfilled,
    comparison: Comparison,
    test: FieldTest,
    read: Callable[[Any, Any], object],
    absent: Absence,
    bindings: Bindings,
) -> Test:
    """Return a test against a list that was never filled: true if another value matches, else unknown."""
    not_known = Unknown("fact", facts=(unfilled.name,), can_hold=True, can_fail=True)
    every = "all" in test.modifiers

    def beside_unfilled(event: Any, facts: Any) -> Truth:
        value = read(event, facts)
        if value is MISSING:
            return False if bindings.sigma and not test.is_fact else absent(event)
        if value is None or value == [] or value == ():
            return False
        answer = comparison(value)
        return answer if answer is not None and answer is not every else not_known

    return beside_unfilled


def _existence(
    test: FieldTest, read: Callable[[Any, Any], object], absent: Absence, bindings: Bindings
) -> Test:
    wanted = test.values[0].value is True

    def exists(event: Any, facts: Any) -> Truth:
        value = read(event, facts)
        if value is MISSING:
            if test.is_fact or (not bindings.sigma and absent.never(event)):
                return absent(event)
            return not wanted
        if value is None and test.is_fact:  # known to be none
            return not wanted
        return wanted

    return exists


def _reference(
    test: FieldTest, read: Callable[[Any, Any], object], absent: Absence, bindings: Bindings
) -> Test:
    others = []
    for value in test.values:
        path = str(value.value)
        others.append((reading(path, bindings.settings), Absence(path, bindings.never_sent)))

    def against(other: Callable[[Any, Any], object], other_absent: Absence) -> Test:
        def refer(event: Any, facts: Any) -> Truth:
            left, right = read(event, facts), other(event, facts)
            if left is MISSING or right is MISSING:
                if bindings.sigma:
                    return False
                return absent(event) if left is MISSING else other_absent(event)
            return references_match(left, right, test.modifiers)

        return refer

    tests = [against(other, other_absent) for other, other_absent in others]
    return all_of(tests) if "all" in test.modifiers else any_of(tests)
