"""Three-valued logic: `True`, `False`, or an `Unknown` that says why (soc2-rules §3.1, Kleene's tables)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Unknown:
    """Not known, and why.

    `reason` is the first reason met in the order the rule is written (`missing`, `not_sent`, `fact`).
    `fields` names the event fields and `facts` the facts (without `fact.`) that were asked in vain.
    `can_hold` and `can_fail` say whether learning those facts alone could still make the whole true or
    false; a population that can still hold makes a member whose membership is unknown.
    """

    __slots__ = ("can_fail", "can_hold", "facts", "fields", "reason")

    def __init__(
        self,
        reason: str,
        fields: tuple[str, ...] = (),
        facts: tuple[str, ...] = (),
        *,
        can_hold: bool = False,
        can_fail: bool = False,
    ) -> None:
        self.reason = reason
        self.fields = fields
        self.facts = facts
        self.can_hold = can_hold
        self.can_fail = can_fail

    def __bool__(self) -> bool:
        raise TypeError("an unknown is neither true nor false; compare with `is True`")

    def __repr__(self) -> str:
        return (
            f"Unknown({self.reason}: {', '.join((*self.fields, *(f'fact.{name}' for name in self.facts)))})"
        )


Truth = bool | Unknown
# What every compiled test is called with: the event (or the item standing for one) and the facts about it.
Test = Callable[[Any, Any], Truth]


def _joined(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return left + tuple(name for name in right if name not in left) if right else left


def _both(left: Unknown, right: Unknown, *, can_hold: bool, can_fail: bool) -> Unknown:
    return Unknown(
        left.reason,
        _joined(left.fields, right.fields),
        _joined(left.facts, right.facts),
        can_hold=can_hold,
        can_fail=can_fail,
    )


def and_unknown(left: Unknown, right: Unknown) -> Unknown:
    """Join two unknowns under `and`: it can hold only if both can, and fail if either can."""
    return _both(
        left, right, can_hold=left.can_hold and right.can_hold, can_fail=left.can_fail or right.can_fail
    )


def or_unknown(left: Unknown, right: Unknown) -> Unknown:
    """Join two unknowns under `or`: it can hold if either can, and fail only if both can."""
    return _both(
        left, right, can_hold=left.can_hold or right.can_hold, can_fail=left.can_fail and right.can_fail
    )


def negated(truth: Truth) -> Truth:
    """Return Kleene's `not`: unknown stays unknown."""
    if truth is True:
        return False
    if truth is False:
        return True
    return Unknown(truth.reason, truth.fields, truth.facts, can_hold=truth.can_fail, can_fail=truth.can_hold)


def all_of(tests: Sequence[Test]) -> Test:
    """Return the `and` of tests, in their order; over nothing it is true."""
    if len(tests) == 1:
        return tests[0]
    ordered = tuple(tests)

    def conjunction(event: Any, facts: Any) -> Truth:
        unknown: Unknown | None = None
        for test in ordered:
            truth = test(event, facts)
            if truth is False:
                return False
            if truth is not True:
                unknown = truth if unknown is None else and_unknown(unknown, truth)
        return True if unknown is None else unknown

    return conjunction


def any_of(tests: Sequence[Test]) -> Test:
    """Return the `or` of tests, in their order; over nothing it is false."""
    if len(tests) == 1:
        return tests[0]
    ordered = tuple(tests)

    def disjunction(event: Any, facts: Any) -> Truth:
        unknown: Unknown | None = None
        for test in ordered:
            truth = test(event, facts)
            if truth is True:
                return True
            if truth is not False:
                unknown = truth if unknown is None else or_unknown(unknown, truth)
        return False if unknown is None else unknown

    return disjunction


def not_(test: Test) -> Test:
    """Return Kleene's `not` of a test."""

    def negation(event: Any, facts: Any) -> Truth:
        return negated(test(event, facts))

    return negation
