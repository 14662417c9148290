"""Settings: types, bounds, and the sentences for values that do not keep to them."""

from __future__ import annotations

import pytest

from controls.rules.language import effective_settings, validate_settings
from tests.controls.rules.making import errors_of, rule, rule_text

SETTINGS = """\
settings:
  count: {type: int, default: 5, min: 1, max: 10, help: h}
  share: {type: float, default: 0.5, min: 0, max: 1, help: h}
  strict: {type: bool, default: true, help: h}
  mode: {type: text, default: fail, enum: [fail, pass], help: h}
  grace: {type: duration, default: 24h, min: 0s, max: 7d, help: h}
  names: {type: "list[text]", default: [a, b], help: h}
  days: {type: "map[text,int]", default: {critical: 15}, help: h}
  nets: {type: cidr_list, default: [10.0.0.0/8], help: h}
"""


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("count", 10, None),
        ("count", 11, 'setting "count" value 11 exceeds max 10'),
        ("count", 0, 'setting "count" value 0 is below min 1'),
        ("count", True, 'setting "count" value True is not a whole number'),
        ("count", "5", "setting \"count\" value '5' is not a whole number"),
        ("count", 5.5, 'setting "count" value 5.5 is not a whole number'),
        ("share", 1, None),
        ("share", 1.01, 'setting "share" value 1.01 exceeds max 1'),
        ("share", float("nan"), 'setting "share" value nan is not a number'),
        ("strict", False, None),
        ("strict", 0, 'setting "strict" value 0 is not true or false'),
        ("mode", "pass", None),
        ("mode", "Pass", 'setting "mode" value Pass is not one of fail, pass'),
        ("grace", "168h", None),
        ("grace", "169h", 'setting "grace" value 169h exceeds max 7d'),
        ("grace", "a while", "setting \"grace\" value 'a while' is not a duration such as 24h"),
        ("grace", "-1h", "setting \"grace\" value '-1h' is not a duration such as 24h"),
        ("names", [], None),
        ("names", ["a", 1], "setting \"names\" value ['a', 1] is not a list of texts"),
        ("names", "a", "setting \"names\" value 'a' is not a list of texts"),
        ("days", {"high": 30}, None),
        ("days", {"high": "30"}, "setting \"days\" value {'high': '30'} is not a map of names to whole numbers"),
        ("nets", ["10.1.2.3", "fe80::/10"], None),
        ("nets", ["10.0.0.0/33"],
         "setting \"nets\" value ['10.0.0.0/33'] is not a list of networks such as 10.0.0.0/8"),
        ("cuont", 5, 'rule R01 has no setting "cuont". Did you mean "count"?'),
    ],
)  # fmt: skip
def test_a_value_is_taken_or_refused_with_a_sentence(name: str, value: object, sentence: str | None) -> None:
    made = rule(extra=SETTINGS)
    assert validate_settings(made, {name: value}) == ([] if sentence is None else [sentence])


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_used() -> None:
    made = rule(extra=SETTINGS)
    assert len(validate_settings(made, {"count": 0, "mode": "x", "grace": "1h"})) == 2
    with pytest.raises(ValueError, match="below min 1"):
        effective_settings(made, {"count": 0})


def test_what_the_client_does_not_set_has_its_default() -> None:
    values = effective_settings(rule(extra=SETTINGS), {"count": 7})
    assert (values["count"], values["grace"], values["days"]) == (7, "24h", {"critical": 15})


@pytest.mark.parametrize(
    ("declared", "part"),
    [
        ("{type: int, default: 5, min: 1, help: h}", 'setting "s" has no "max"'),
        ("{type: int, default: 5, max: 9, help: h}", 'setting "s" has no "min"'),
        ("{type: text, default: a, max: 9, help: h}", 'setting "s" of type text takes no max'),
        ("{type: int, min: 1, max: 9, help: h}", 'setting "s" has no "default"'),
        ("{type: int, default: 5, min: 1, max: 9}", 'setting "s" has no "help"'),
        ("{type: integer, default: 5, help: h}", 'setting "s" type "integer" is not one of int,'),
        ("{type: text, default: c, enum: [a, b], help: h}", 'setting "s" default c is not one of a, b'),
        (
            "{type: int, default: 5, min: low, max: 9, help: h}",
            "setting \"s\" min 'low' is not a whole number",
        ),
        ("{type: text, default: a, halp: h, help: h}", 'unknown key "halp". Did you mean "help"?'),
    ],
)
def test_a_setting_must_be_declared_in_full(declared: str, part: str) -> None:
    errors = errors_of(rule_text(extra=f"settings:\n  s: {declared}"))
    assert any(part in error for error in errors), errors
