"""Properties: pySigma as an oracle, what is missing never fails a member, regular expressions in linear time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from controls.rules.language.compile import Bindings, compile_expression
from controls.rules.language.expressions import Block
from controls.rules.language.kleene import Truth
from controls.rules.language.patterns import regex_matcher
from controls.rules.language.positions import read_yaml
from controls.rules.language.selections import SelectionReader
from evidence.ocsf.event import MISSING
from tests.controls.rules.making import VOCABULARY
from tests.controls.rules.making import given as event_of

FIELDS = ("unmapped.a", "unmapped.b", "unmapped.c")
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Small alphabets, so that values meet.
WORDS = st.text(alphabet="abAB*?\\-/1.", max_size=5)
PLAIN = st.text(alphabet="abAB-/1. \\", max_size=6)
EVENT_VALUES = st.one_of(PLAIN, st.integers(-3, 12), st.lists(PLAIN, min_size=1, max_size=3))


def block_of(detection: dict[str, Any]) -> Block:
    node, errors = read_yaml(yaml.safe_dump(detection, sort_keys=False, allow_unicode=True), "x")
    assert node is not None
    assert not errors, errors
    reader = SelectionReader("x", VOCABULARY)
    block = reader.block(node, "detection")
    assert block is not None, reader.errors
    assert not reader.errors, reader.errors
    return block


def ours(block: Block, fields: dict[str, Any], facts: dict[str, object] | None = None) -> Truth:
    known = facts or {}
    return compile_expression(block.expression, Bindings()).test(
        event_of(fields), lambda e, n: known.get(n, MISSING)
    )


# The oracle: pySigma parses and applies the modifiers; this walks its tree over an event.


def theirs(detection: dict[str, Any], fields: dict[str, Any]) -> bool:
    rule = SigmaRule.from_dict(
        {"title": "t", "logsource": {"product": "x"}, "detection": detection}, collect_errors=False
    )
    return _walk(rule.detection.parsed_condition[0].parsed, fields)


def _walk(node: Any, fields: dict[str, Any]) -> bool:
    if node is None:
        return True
    if isinstance(node, ConditionAND):
        return all(_walk(part, fields) for part in node.args)
    if isinstance(node, ConditionOR):
        return any(_walk(part, fields) for part in node.args)
    if isinstance(node, ConditionNOT):
        return not _walk(node.args[0], fields)
    assert isinstance(node, ConditionFieldEqualsValueExpression), node
    held = fields[node.field]
    elements = held if isinstance(held, list) else [held]
    return any(_holds(node.value, element, fields) for element in elements)


def _holds(value: Any, held: Any, fields: dict[str, Any]) -> bool:  # noqa: C901 - one kind of value after the other
    if isinstance(value, SigmaExpansion):
        return any(_holds(part, held, fields) for part in value.values)
    if isinstance(value, SigmaString):
        flags = re.DOTALL if isinstance(value, SigmaCasedString) else re.DOTALL | re.IGNORECASE
        pattern = "".join(
            re.escape(part)
            if isinstance(part, str)
            else (".*" if part is SpecialChars.WILDCARD_MULTI else ".")
            for part in value.s
        )
        text = str(held)
        if not isinstance(held, str) and re.fullmatch(r"-?\d+", "".join(map(str, value.s))):
            return int("".join(map(str, value.s))) == held
        return re.fullmatch(pattern, text, flags) is not None
    if isinstance(value, SigmaTimestampPart):
        moment = datetime.fromisoformat(held).astimezone(UTC)
        return bool(getattr(moment, value.timestamp_part.name.lower()) == value.number)
    if isinstance(value, SigmaNumber):
        number = _number(held)
        return number is not None and number == value.number
    if isinstance(value, SigmaCompareExpression):
        number = _number(held)
        assert number is not None
        bound = value.number.number
        return {"LT": number < bound, "LTE": number <= bound, "GT": number > bound, "GTE": number >= bound}[
            value.op.name
        ]
    if isinstance(value, SigmaBool):
        return held is value.boolean or str(held).lower() == str(value.boolean).lower()
    if isinstance(value, SigmaRegularExpression):
        flags = re.IGNORECASE if SigmaRegularExpressionFlag.IGNORECASE in value.flags else re.NOFLAG
        return re.search(str(value.regexp), str(held), flags) is not None
    if isinstance(value, SigmaCIDRExpression):
        import ipaddress

        try:
            return ipaddress.ip_address(held) in value.network
        except ValueError:
            return False
    if isinstance(value, SigmaFieldReference):
        other = fields[value.field]
        others = other if isinstance(other, list) else [other]
        return any(_refers(value, held, each) for each in others)
    if isinstance(value, SigmaExists):
        return bool(value.exists)
    if isinstance(value, SigmaNull):
        return held is None
    raise AssertionError(f"the oracle does not know {value!r}")


def _number(held: Any) -> float | None:
    if isinstance(held, bool):
        return None
    if isinstance(held, (int, float)):
        return held
    return float(held) if re.fullmatch(r"[-+]?\d+(\.\d+)?", held) else None


def _refers(value: SigmaFieldReference, left: Any, right: Any) -> bool:
    numbers = _number(left), _number(right)
    contains = value.starts_with and value.ends_with
    if not (value.starts_with or value.ends_with):
        if not (isinstance(left, str) and isinstance(right, str)) and None not in numbers:
            return numbers[0] == numbers[1]
        return str(left).lower() == str(right).lower()
    one, other = str(left).lower(), str(right).lower()
    if contains:
        return other in one
    return one.startswith(other) if value.starts_with else one.endswith(other)


def _item(modifiers: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.sampled_from(FIELDS).map(lambda name: name + modifiers), values)


TEXTUAL = (
    "|contains",
    "|startswith",
    "|endswith",
    "|cased",
    "|contains|cased",
    "|neq",
    "|windash",
    "|windash|contains",
)
ENCODED = ("|base64", "|base64offset|contains", "|wide|base64", "|utf16be|base64", "|utf16|base64")
REGEXES = st.sampled_from(["a", "^a", "b$", "a.b", "[ab]+", "a|b", "(ab)?1"])
NUMBERS = st.integers(-3, 12)
TEXT_LISTS = st.lists(WORDS, min_size=1, max_size=3)
ITEMS = st.one_of(
    _item("", st.one_of(WORDS, NUMBERS, TEXT_LISTS, st.lists(NUMBERS, min_size=1, max_size=3))),
    *(_item(modifiers, st.one_of(WORDS, TEXT_LISTS)) for modifiers in TEXTUAL),
    *(_item(modifiers, st.lists(WORDS, min_size=2, max_size=3)) for modifiers in ("|all", "|contains|all")),
    *(_item(modifiers, st.text("abA1", min_size=1, max_size=5)) for modifiers in ENCODED),
    *(_item(modifiers, REGEXES) for modifiers in ("|re", "|re|i")),
    _item("|fieldref", st.sampled_from(FIELDS)),
    _item("|fieldref|contains", st.sampled_from(FIELDS)),
    _item("|exists", st.just(True)),
)
MAPS = st.lists(ITEMS, min_size=1, max_size=3).map(dict)
SELECTIONS = st.one_of(MAPS, st.lists(MAPS, min_size=1, max_size=2))
CONDITIONS = st.recursive(
    st.sampled_from(["one", "two", "1 of them", "all of them", "1 of t*", "any of them"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} or {pair[1]}"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=5,
)
# Every selection must be used, or the file is refused.
DETECTIONS = st.builds(
    lambda one, two, condition: {
        "one": one,
        "two": two,
        "condition": f"({condition}) or (one and not one and two)",
    },
    SELECTIONS,
    SELECTIONS,
    CONDITIONS,
)
EVENTS = st.fixed_dictionaries(dict.fromkeys(FIELDS, EVENT_VALUES))


def _usable(detection: dict[str, Any]) -> bool:
    """More than three dashes are refused by both, and a backslash is one thing to them in Base64 alone."""
    written = str(detection)
    return "windash" not in written or all(
        len(re.findall(r"\B[-/]\b", str(value))) <= 3
        for selection in (detection["one"], detection["two"])
        for mapping in (selection if isinstance(selection, list) else [selection])
        for value in mapping.values()
    )


@QUICK
@given(DETECTIONS.filter(_usable), EVENTS)
def test_where_no_field_is_missing_we_agree_with_sigma(
    detection: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert ours(block_of(detection), fields) is theirs(detection, fields)


@QUICK
@given(
    st.sampled_from(["lt", "lte", "gt", "gte"]),
    st.integers(-20, 20),
    st.one_of(
        st.integers(-20, 20), st.floats(-20, 20).map(lambda n: round(n, 2)), st.integers(-20, 20).map(str)
    ),
)
def test_comparisons_agree_with_sigma(operator: str, bound: int, held: Any) -> None:
    detection = {"one": {f"unmapped.a|{operator}": bound}, "condition": "one"}
    assert ours(block_of(detection), {"unmapped.a": held}) is theirs(detection, {"unmapped.a": held})


@QUICK
@given(
    st.sampled_from(["10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32", "0.0.0.0/0"]),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.sampled_from(["10.1.1.1", "2001:db8::5"])).map(
        str
    ),
)
def test_networks_agree_with_sigma(network: str, held: str) -> None:
    if held.startswith("::ffff:"):
        return  # an IPv4 address written in IPv6: ours is the address it stands for
    detection = {"one": {"unmapped.a|cidr": network}, "condition": "one"}
    assert ours(block_of(detection), {"unmapped.a": held}) is theirs(detection, {"unmapped.a": held})


@QUICK
@given(
    st.sampled_from(["minute", "hour", "day", "month", "year"]),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 31),
)
def test_time_parts_agree_with_sigma(part: str, moment: datetime, number: int) -> None:
    held = moment.replace(tzinfo=UTC).isoformat()
    detection = {"one": {f"unmapped.a|{part}": number}, "condition": "one"}
    assert ours(block_of(detection), {"unmapped.a": held}) is theirs(detection, {"unmapped.a": held})


def _without_exists(detection: dict[str, Any]) -> bool:
    return "exists" not in str(detection)


@QUICK
@given(DETECTIONS.filter(_usable).filter(_without_exists), EVENTS, st.sets(st.sampled_from(FIELDS)))
def test_taking_fields_away_never_turns_an_answer_into_another(
    detection: dict[str, Any], fields: dict[str, Any], gone: set[str]
) -> None:
    """What is left may become unknown, but what was no failure never becomes one."""
    block = block_of(detection)
    whole = ours(block, fields)
    less = ours(block, {name: value for name, value in fields.items() if name not in gone})
    assert less is whole or less not in (True, False)


@QUICK
@given(DETECTIONS.filter(_usable).filter(_without_exists))
def test_an_event_without_any_of_the_fields_never_fails(detection: dict[str, Any]) -> None:
    """With no field at hand nothing can be asserted but what holds of every event."""
    block = block_of(detection)
    truth = ours(block, {})
    if truth is True:
        # Only `not` of a contradiction or an `or` with its own negation may hold of everything.
        assert ours(block, dict.fromkeys(FIELDS, "a")) is True


# Each of these takes a backtracking engine longer than anybody can wait: it tries 2^n or n^5 ways.
HOSTILE = [
    ("^(a|aa)+$", "a" * 50_000 + "!"),
    ("^(a|a|b)*c$", "a" * 50_000 + "!"),
    ("a*a*a*a*a*b", "a" * 50_000),
    ("^.*.*.*.*=$", "x" * 50_000),
    ("[a-z]+[a-z]+[a-z]+[a-z]+[0-9]", "z" * 50_000),
]


@pytest.mark.parametrize(("source", "text"), HOSTILE)
def test_regular_expressions_that_drive_others_mad_come_to_an_end(source: str, text: str) -> None:
    assert regex_matcher(source, ())(text) is False


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_as_a_file_or_refused_with_a_place(text: str) -> None:
    node, errors = read_yaml(text, "x")
    assert node is not None or errors
    assert all(error.line >= 1 and error.column >= 1 for error in errors)
