"""The condition grammar, and Kleene's logic under it."""

from __future__ import annotations

import itertools

import pytest

from controls.rules.language.compile import Bindings, compile_expression
from controls.rules.language.conditions import ConditionError, parse_condition
from controls.rules.language.expressions import Expression, FieldTest, Value
from controls.rules.language.kleene import Test, Truth, Unknown, all_of, any_of, negated
from evidence.ocsf.event import MISSING
from tests.controls.rules.making import given, letter

STATES: dict[str, object] = {"T": 1, "F": 0, "U": MISSING}


def _selections(names: str) -> dict[str, Expression]:
    return {name: FieldTest(f"unmapped.{name}", (), (Value(1, 1, 1),), 1, 1) for name in names.split()}


def _truth(condition: str, states: str, names: str = "a b c") -> str:
    expression, _ = parse_condition(condition, _selections(names))
    fields = {
        f"unmapped.{name}": STATES[state]
        for name, state in zip(names.split(), states, strict=True)
        if STATES[state] is not MISSING
    }
    return letter(compile_expression(expression, Bindings()).test(given(fields), lambda e, n: MISSING))[0]


@pytest.mark.parametrize(
    ("condition", "states", "answer"),
    [
        ("a and b", "TTF", "T"),
        ("a or b and c", "TFF", "T"),
        ("(a or b) and c", "TFF", "F"),
        ("not a and b", "FTF", "T"),
        ("not (a and b)", "FTF", "T"),
        ("not not a", "TFF", "T"),
        ("not a or b", "TTF", "T"),
        ("a and not b and not c", "TFF", "T"),
        ("1 of them", "FFT", "T"),
        ("any of them", "FFF", "F"),
        ("all of them", "TTT", "T"),
        ("all of them", "TTU", "U"),
        ("1 of them", "FUF", "U"),
        ("1 of [x]", "TTT", None),
        ("a and b", "TUF", "U"),
        ("a and b", "FUF", "F"),
        ("a or b", "TUF", "T"),
        ("not a", "UFF", "U"),
    ],
)
def test_conditions_bind_and_mean_what_the_grammar_says(
    condition: str, states: str, answer: str | None
) -> None:
    if answer is None:
        with pytest.raises(ConditionError):
            _truth(condition, states)
    else:
        assert _truth(condition, states) == answer


@pytest.mark.parametrize(
    ("condition", "states", "answer"),
    [
        ("1 of sel_*", "FTFT", "T"),
        ("all of sel_*", "TTFT", "T"),
        ("1 of sel*", "FFTF", "T"),
        ("1 of them", "FFFT", "F"),
        ("all of them", "TTTF", "T"),
        ("1 of _*", "FFFT", "T"),
        ("1 of *", "FFFT", "F"),
        ("1 of nothing_*", "TTTT", "F"),
        ("all of nothing_*", "FFFF", "T"),
        ("1 of sel-x", "FFTF", "T"),
    ],
)
def test_patterns_reach_what_they_name_and_underscores_only_when_written(
    condition: str, states: str, answer: str
) -> None:
    assert _truth(condition, states, "sel_a sel_b sel-x _hidden") == answer


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("a and selectoin", 'condition names "selectoin", which is not defined (defined: a, b, c)'),
        ("", "the condition is empty"),
        ("a and", "the condition ends where a selection is expected"),
        ("(a or b", '"(" is never closed'),
        ("a)", '")" closes nothing'),
        ("a b", 'expected "and" or "or" before "b"'),
        ("a AND b", 'expected "and" or "or" before "AND"'),
        ("NOT a", 'keywords are lower case: write "not"'),
        ("a & b", '"&" is not part of a condition'),
        ("b*", 'a pattern needs a number before it: "1 of b*" or "all of b*"'),
    ],
)
def test_a_condition_that_cannot_be_read_says_why(condition: str, sentence: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse_condition(condition, _selections("a b c"))
    assert refused.value.sentence == sentence


@pytest.mark.parametrize("condition", ["2 of them", "a | count() > 5", "a near b", "count(a)", "5 of sel*"])
def test_what_counts_events_is_refused_with_the_correlation_to_write(condition: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse_condition(condition, _selections("a b c"))
    assert "kind: correlation" in refused.value.sentence


def _constant(state: str) -> Truth:
    return {"T": True, "F": False}.get(state, Unknown("missing"))


def _always(truth: Truth) -> Test:
    return lambda event, facts: truth


AND = {"TT": "T", "TF": "F", "TU": "U", "FT": "F", "FF": "F", "FU": "F", "UT": "U", "UF": "F", "UU": "U"}
OR = {"TT": "T", "TF": "T", "TU": "T", "FT": "T", "FF": "F", "FU": "U", "UT": "T", "UF": "U", "UU": "U"}


@pytest.mark.parametrize("pair", ["".join(pair) for pair in itertools.product("TFU", repeat=2)])
def test_and_and_or_are_kleenes(pair: str) -> None:
    tests = [_always(_constant(state)) for state in pair]
    assert letter(all_of(tests)(None, None))[0] == AND[pair]
    assert letter(any_of(tests)(None, None))[0] == OR[pair]


def test_not_unknown_is_unknown_and_nothing_at_all_follows_the_rule_for_empty_sets() -> None:
    assert letter(negated(Unknown("fact")))[0] == "U"
    assert all_of([])(None, None) is True
    assert any_of([])(None, None) is False


def test_an_unknown_names_all_that_would_decide_it_and_the_first_reason() -> None:
    expression, _ = parse_condition("a and b or c", _selections("a b c"))
    truth = compile_expression(expression, Bindings()).test(given({"unmapped.b": 1}), lambda e, n: MISSING)
    assert isinstance(truth, Unknown)
    assert (truth.reason, truth.fields) == ("missing", ("unmapped.a", "unmapped.c"))
