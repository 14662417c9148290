"""The rules of one client, compiled, indexed, and ready to judge events and inventory items.

Order of judgment (soc2-rules §3.1): population; filters; `unknown_when`; the failing condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from controls.rules.language.compile import MEMO_SIZE, Bindings, Compiled, Gate, compile_expression
from controls.rules.language.expressions import Block, field_tests
from controls.rules.language.kleene import Test, Truth, Unknown
from controls.rules.language.operators import text_of
from controls.rules.language.patterns import PatternError
from controls.rules.language.reading import Facts, Reading, no_facts, reading
from controls.rules.language.rule import SEVERITIES, Rule
from controls.rules.language.settings import effective_settings
from evidence.ocsf.event import MISSING

Result = Literal["pass", "fail", "unknown"]


class CompileError(ValueError):
    """A rule cannot be bound to a client's settings and lists; the message is a sentence that names both."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """What one rule says of one member.

    `reason` is set for `unknown` alone. `note` is the id of a filter that let the member pass. `group` are
    the values of the rule's `group_by`, empty text where one is not known. `wants` names the facts that
    were asked and not known, `lacks` the event fields, so that a sentence can say what would decide it.
    `alert` says that the member raised an alert, which is `unknown` (`pending`) until somebody looks.
    """

    rule: Rule
    result: Result
    reason: str
    severity: str
    note: str
    group: tuple[str, ...]
    wants: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    alert: bool = False


@dataclass(frozen=True, slots=True)
class _CompiledFilter:
    id: str
    effect: str
    test: Test


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    """One rule as closures, with its place in the order of rules."""

    order: int
    rule: Rule
    settings: Mapping[str, object]
    sources: frozenset[str] | None
    population: Compiled
    filters: tuple[_CompiledFilter, ...]
    unknown_when: tuple[tuple[Test, str], ...]
    detection: Test
    severity_when: tuple[tuple[str, Test], ...]
    group_by: tuple[Reading, ...]

    def judge(self, event: Any, facts: Facts) -> Judgment | None:
        """Return the judgment of an event or item, or None where it is no member."""
        membership = self.population.test(event, facts)
        if membership is False or (membership is not True and not membership.can_hold):
            return None
        excluded, passing, doubt = self._filtered(event, facts)
        if excluded:
            return None
        if membership is not True:
            return self._unknown(event, facts, "membership", membership)
        if passing:
            return self._judged(event, facts, "pass", note=passing)
        for test, reason in self.unknown_when:
            if test(event, facts) is True:
                return self._judged(event, facts, "unknown", reason=reason)
        failing = self.detection(event, facts)
        if failing is False:
            return self._judged(event, facts, "pass")
        if failing is not True:
            return self._unknown(event, facts, failing.reason, failing)
        if doubt is not None:
            return self._unknown(event, facts, doubt.reason, doubt)
        if self.rule.consequence == "alert":
            return self._judged(event, facts, "unknown", reason="pending", alert=True)
        return self._judged(event, facts, "fail")

    def _filtered(self, event: Any, facts: Facts) -> tuple[bool, str, Unknown | None]:
        """Return whether a filter leaves the member out, the filter that lets it pass, and the first in doubt."""
        doubt: Unknown | None = None
        passing = ""
        for known in self.filters:
            held = known.test(event, facts)
            if held is True:
                if known.effect == "exclude":
                    return True, "", None
                passing = passing or known.id
            elif held is not False and not (self.rule.kind == "state" and known.effect == "exclude"):
                # A listing leaves an item out only by what it says of the item: R10's own worked case (an
                # account whose `login` is not told) fails, and is not unknown.
                doubt = held if doubt is None else doubt
        return False, passing, doubt

    def _unknown(self, event: Any, facts: Facts, reason: str, unknown: Unknown) -> Judgment:
        return self._judged(event, facts, "unknown", reason=reason, wants=unknown.facts, lacks=unknown.fields)

    def _judged(
        self,
        event: Any,
        facts: Facts,
        result: Result,
        *,
        reason: str = "",
        note: str = "",
        wants: tuple[str, ...] = (),
        lacks: tuple[str, ...] = (),
        alert: bool = False,
    ) -> Judgment:
        severity = self.rule.severity
        for other, test in self.severity_when:
            if test(event, facts) is True:
                severity = other
                break
        group = tuple(_group_value(read(event, facts)) for read in self.group_by)
        return Judgment(self.rule, result, reason, severity, note, group, wants, lacks, alert)


def _group_value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(sorted(_group_value(element) for element in value))
    return text_of(value) or ""


class Item:
    """An inventory item in the place of an event: it has a time and facts, and no event fields."""

    __slots__ = ("facts", "prefix", "source", "time")

    # An item has none of an event's columns.
    action: Final = MISSING
    class_uid: Final = MISSING
    activity_id: Final = MISSING
    status_id: Final = MISSING

    def __init__(self, kind: str, facts: Mapping[str, object], time: datetime, source: str = "") -> None:
        self.prefix = f"{kind}."
        self.facts = facts
        self.time = time
        self.source = source

    def value(self, path: str) -> object:
        """Return MISSING: what is known of an item are facts."""
        return MISSING

    def fact(self, event: object, name: str) -> object:
        """Return a fact of the item itself; every other fact is MISSING."""
        if not name.startswith(self.prefix):
            return MISSING
        return self.facts.get(name.removeprefix(self.prefix), MISSING)


class _Index:
    """From an event's field values to the rules that can hold, remembered per distinct value."""

    def __init__(self, rules: Sequence[_CompiledRule]) -> None:
        self.always: tuple[_CompiledRule, ...] = tuple(
            rule for rule in rules if rule.population.gates is None
        )
        gates: dict[str, list[tuple[Gate, _CompiledRule]]] = {}
        for rule in rules:
            for gate in rule.population.gates or ():
                gates.setdefault(gate.field, []).append((gate, rule))
        self.fields: list[tuple[Reading, list[tuple[Gate, _CompiledRule]], dict[Any, Any]]] = [
            (reading(name, {}), entries, {}) for name, entries in gates.items()
        ]
        self.names = tuple(gates)

    def candidates(self, event: Any) -> Sequence[_CompiledRule]:
        """Return the rules still worth calling for an event, in the order of rules."""
        found: list[_CompiledRule] = list(self.always)
        fields_hit = 1 if found else 0
        for read, entries, memo in self.fields:
            value = read(event, no_facts)
            if value is MISSING:
                continue
            try:
                admitted = memo.get(value)
            except TypeError:  # a list or an object cannot be remembered
                admitted = self._admitted(entries, value)
            else:
                if admitted is None:
                    if len(memo) >= MEMO_SIZE:
                        memo.clear()
                    admitted = memo[value] = self._admitted(entries, value)
            if admitted:
                found.extend(admitted)
                fields_hit += 1
        if fields_hit > 1:
            return sorted({rule.order: rule for rule in found}.values(), key=lambda rule: rule.order)
        return found

    @staticmethod
    def _admitted(entries: Sequence[tuple[Gate, _CompiledRule]], value: object) -> tuple[_CompiledRule, ...]:
        admitted: dict[int, _CompiledRule] = {}
        for gate, rule in entries:
            if rule.order not in admitted and gate.admits(value):
                admitted[rule.order] = rule
        return tuple(admitted.values())


class RuleSet:
    """A client's rules, compiled with its settings, lists and zone.

    `member_rules` judge events, `state_rules` inventory items; `not_evaluated` are read and checked but give
    no results (`Rule.why_not_judged`), which is neither a pass nor a fail. `unindexed` names the member
    rules that are called for every event of their sources.
    """

    def __init__(self, rules: Sequence[_CompiledRule], zone: tzinfo, not_evaluated: Sequence[Rule]) -> None:
        self.zone = zone
        self.not_evaluated: tuple[Rule, ...] = tuple(not_evaluated)
        self.rules: tuple[Rule, ...] = tuple(compiled.rule for compiled in rules)
        self._compiled: dict[str, _CompiledRule] = {compiled.rule.id: compiled for compiled in rules}
        self.member_rules = tuple(compiled.rule for compiled in rules if compiled.rule.kind == "member")
        self.state_rules = tuple(compiled.rule for compiled in rules if compiled.rule.kind == "state")
        members = [compiled for compiled in rules if compiled.rule.kind == "member"]
        self._members = members
        self._indexes: dict[str, _Index] = {}
        self.unindexed = tuple(compiled.rule.id for compiled in members if compiled.population.gates is None)

    def _index(self, source: str) -> _Index:
        index = self._indexes.get(source)
        if index is None:
            index = self._indexes[source] = _Index(
                [rule for rule in self._members if rule.sources is None or source in rule.sources]
            )
        return index

    def judge(self, event: Any, facts: Facts = no_facts) -> list[Judgment]:
        """Return what the member rules say of an event: one judgment per rule that it is a member of.

        `facts(event, "actor.privileged")` returns a value, None (known to be none) or MISSING, as of the
        event's time.
        """
        index = self._indexes.get(event.source) or self._index(event.source)
        judgments: list[Judgment] = []
        for rule in index.candidates(event):
            judgment = rule.judge(event, facts)
            if judgment is not None:
                judgments.append(judgment)
        return judgments

    def candidates(self, event: Any) -> list[Rule]:
        """Return the member rules whose population can hold for an event, by the index; the others cannot."""
        index = self._indexes.get(event.source) or self._index(event.source)
        return [compiled.rule for compiled in index.candidates(event)]

    def judge_rule(self, rule: Rule, event: Any, facts: Facts = no_facts) -> Judgment | None:
        """Return what one member rule says of an event, as when a fact arrived late; None for no member."""
        compiled = self._compiled[rule.id]
        if compiled.sources is not None and event.source not in compiled.sources:
            return None
        return compiled.judge(event, facts)

    def judge_item(
        self, rule: Rule, item: Mapping[str, object], at: datetime, source: str = ""
    ) -> Judgment | None:
        """Return what a state rule says of an item at a moment; None where it is no member.

        `item` maps the names of the item's facts, without `account.` or the like, to their values; a name
        that is absent is not known, None is known to be none.
        """
        compiled = self._compiled[rule.id]
        if rule.state is None:
            raise ValueError(f"rule {rule.id} is of kind {rule.kind}; only state rules judge items")
        if source and compiled.sources is not None and source not in compiled.sources:
            return None
        standing = Item(str(rule.state["item"]), item, at, source)
        return compiled.judge(standing, standing.fact)

    def setting(self, rule_id: str, name: str) -> object:
        """Return the value of a rule's setting that is in force in this set."""
        return self._compiled[rule_id].settings[name]


def _reason_of(block: Block) -> str:
    """Return the reason that an `unknown_when` gives: by the fact it looks at, else that a field is missing."""
    tests = list(field_tests(block.expression))
    for test in tests:
        if test.field.endswith(".baseline_mature"):
            return "immature"
        if test.field == "fact.source.coverage":
            return "gap"
    return "fact" if tests and all(test.is_fact for test in tests) else "missing"


def _never(event: Any, facts: Any) -> Truth:
    return False


def _compile_rule(order: int, rule: Rule, bindings: Bindings) -> _CompiledRule:
    def test(block: Block | None) -> Test:
        return _never if block is None else compile_expression(block.expression, bindings).test

    return _CompiledRule(
        order=order,
        rule=rule,
        settings=bindings.settings,
        sources=None if "any" in rule.sources else frozenset(rule.sources),
        population=compile_expression(rule.population.expression, bindings),
        filters=tuple(_CompiledFilter(known.id, known.effect, test(known.where)) for known in rule.filters),
        unknown_when=((test(rule.unknown_when), _reason_of(rule.unknown_when)),) if rule.unknown_when else (),
        detection=test(rule.detection),
        severity_when=tuple((override.severity, test(override.where)) for override in rule.severity_when),
        group_by=tuple(reading(path, bindings.settings) for path in rule.group_by),
    )


def compile_rules(
    rules: Sequence[Rule],
    settings: Mapping[str, Mapping[str, object]] | None = None,
    lists: Mapping[str, Sequence[str] | None] | None = None,
    zone: tzinfo | str = "UTC",
    *,
    never_sent: Callable[[str, str], bool] | None = None,
) -> RuleSet:
    """Compile rules for one client.

    `settings` gives per rule id the client's values (missing ones have their default), `lists` the client's
    value lists (a list that is absent or None was never filled), `zone` the client's zone. `never_sent(source,
    path)` says whether a source never sends a field; by default the sources' contracts are asked.

    Raises CompileError with a sentence where a value cannot be used.
    """
    zone_name = zone if isinstance(zone, str) else str(zone)
    place = ZoneInfo(zone) if isinstance(zone, str) else zone
    if never_sent is None:
        never_sent = _contract_never_sends
    compiled: list[_CompiledRule] = []
    for order, rule in enumerate(sorted(rules, key=lambda each: each.id)):
        if not rule.judged:
            continue
        try:
            values = effective_settings(rule, (settings or {}).get(rule.id, {}))
            bindings = Bindings(values, lists or {}, place, zone_name, never_sent, rule.semantics == "sigma")
            compiled.append(_compile_rule(order, rule, bindings))
        except (ValueError, PatternError) as error:
            raise CompileError(f"rule {rule.id} cannot be used with this client's values: {error}") from error
    return RuleSet(compiled, place, [rule for rule in rules if not rule.judged])


def _contract_never_sends(source: str, path: str) -> bool:
    from controls.rules.language.vocabulary import shipped_vocabulary

    return shipped_vocabulary().sends(source, path) == "never"


def highest(severities: Sequence[str]) -> str:
    """Return the highest of severities, as an exception takes from its members."""
    return max(severities, key=SEVERITIES.index)
