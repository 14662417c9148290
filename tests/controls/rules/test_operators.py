"""Every operator against the tables of soc2-rules §3.1 and §3.2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.controls.rules.making import NOON, event, given, letter, selection_truth

ABSENT = object()


def said(selection: str, value: object, **bindings: Any) -> str:
    fields = {} if value is ABSENT else {"unmapped.f": value}
    return letter(selection_truth(selection, given(fields), **bindings))


# test, value there, T/F of it, then: empty text, empty list, null, missing here
STATES = [
    ("{unmapped.f: abc}", "abc", "T", "F", "F", "F", "U missing"),
    ("{unmapped.f: abc}", "abd", "F", "F", "F", "F", "U missing"),
    ("{unmapped.f|contains: b}", "abc", "T", "F", "F", "F", "U missing"),
    ("{unmapped.f|startswith: b}", "abc", "F", "F", "F", "F", "U missing"),
    ("{unmapped.f|endswith: c}", "abc", "T", "F", "F", "F", "U missing"),
    ("{unmapped.f|re: '^a.c$'}", "abc", "T", "F", "F", "F", "U missing"),
    ("{unmapped.f|re: '^$'}", "abc", "F", "T", "F", "F", "U missing"),
    ("{unmapped.f|cidr: 10.0.0.0/8}", "10.1.2.3", "T", "F", "F", "F", "U missing"),
    ("{unmapped.f|lt: 5}", 4, "T", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|lte: 5}", 6, "F", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|gt: 5}", "soon", "U missing", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|gte: 5}", "5", "T", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|hour: 9}", "2026-03-03T09:30:00Z", "T", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|hour: 9}", "morning", "U missing", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|age_gte: 24h}", "2026-03-02T12:00:00Z", "T", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|age_lt: 24h}", "2026-03-02T12:00:00Z", "F", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f|age_lt: 24h}", "yesterday", "U missing", "U missing", "U missing", "F", "U missing"),
    ("{unmapped.f: ''}", "abc", "F", "T", "T", "F", "U missing"),
    ("{unmapped.f: null}", "abc", "F", "F", "F", "T", "U missing"),
    ("{unmapped.f|exists: true}", "abc", "T", "T", "T", "T", "F"),
    ("{unmapped.f|exists: false}", "abc", "F", "F", "F", "F", "T"),
    ("{unmapped.f|fieldref: unmapped.f}", "abc", "T", "T", "F", "F", "U missing"),
    ("{unmapped.f|neq: abc}", "abc", "F", "T", "T", "T", "U missing"),
]


@pytest.mark.parametrize(("selection", "value", "there", "text", "empty", "null", "missing"), STATES)
def test_each_state_of_a_field_gives_what_the_table_says(
    selection: str, value: object, there: str, text: str, empty: str, null: str, missing: str
) -> None:
    answers = [said(selection, state) for state in (value, "", [], None, ABSENT)]
    assert answers == [there, text, empty, null, missing]


@pytest.mark.parametrize(
    "operator",
    ["unmapped.never: x", "unmapped.never|lt: 5", "unmapped.never: ''", "unmapped.never: null",
     "unmapped.never|exists: true", "unmapped.never|exists: false",
     "unmapped.never|fieldref: unmapped.f", "unmapped.f|fieldref: unmapped.never",
     "unmapped.never|neq: x", "unmapped.never|age_gt: 1h", "unmapped.never|hour: 3", "unmapped.never|re: x"],
)  # fmt: skip
def test_a_field_that_the_source_never_sends_is_unknown_for_that_reason(operator: str) -> None:
    assert letter(selection_truth(f"{{{operator}}}", given({"unmapped.f": "x"}))) == "U not_sent"


@pytest.mark.parametrize(
    ("operator", "value", "answer"),
    [
        ("fact.actor.privileged: true", True, "T"),
        ("fact.actor.privileged: true", False, "F"),
        ("fact.actor.privileged: true", None, "F"),
        ("fact.actor.privileged: true", ABSENT, "U fact"),
        ("fact.actor.privileged|exists: true", ABSENT, "U fact"),
        ("fact.actor.privileged|exists: true", None, "F"),
        ("fact.actor.privileged|exists: false", None, "T"),
        ("fact.actor.created_at|age_gt: 1h", "2026-03-03T10:00:00Z", "T"),
        ("fact.actor.created_at|age_gt: 1h", "never", "U fact"),
        ("fact.actor.factors: totp", ["PUSH", "TOTP"], "T"),
        ("fact.actor.factors: totp", [], "F"),
        ("fact.actor.kind|neq: human", ABSENT, "U fact"),
    ],
)
def test_facts_are_unknown_until_known_and_null_means_known_to_be_none(
    operator: str, value: object, answer: str
) -> None:
    name = operator.split(":", maxsplit=1)[0].split("|", maxsplit=1)[0].removeprefix("fact.")
    facts = {} if value is ABSENT else {name: value}
    assert letter(selection_truth(f"{{{operator}}}", event(), facts)) == answer


EQUALITY = [
    ("ABC", "abc", "T"),
    ("'STRASSE'", "straße", "T"),
    ('"e\\u0301t\\u00e9"', "\u00c9TÉ", "T"),
    ("4625", 4625, "T"),
    ("4625", "4625", "T"),
    ("4625", "04625", "T"),
    ("'4625'", 4625, "T"),
    ("'04625'", "4625", "F"),
    ("4625", "4625x", "F"),
    ("1", True, "F"),
    ("true", 1, "F"),
    ("true", "True", "T"),
    ("true", "false", "F"),
    ("false", "FALSE", "T"),
    ("false", "", "F"),
    ("'true'", True, "T"),
    ("'no'", False, "F"),
    ("1.5", "1.50", "T"),
    ("1.5", 1.5, "T"),
    ("a*c", "abbbc", "T"),
    ("a*c", "a\nc", "T"),
    ("a?c", "abc", "T"),
    ("a?c", "ac", "F"),
    ("a?c", "abbc", "F"),
    ("'*'", "", "T"),
    ("'*'", None, "F"),
    ("'*'", 5, "T"),
    ("'46*'", 4625, "T"),
    (r"'a\*c'", "a*c", "T"),
    (r"'a\*c'", "abc", "F"),
    (r"'a\\*'", "a\\bc", "T"),
    (r"'a\\*'", "abc", "F"),
    (r"'C:\temp'", r"c:\TEMP", "T"),
    (r"'C:\\temp'", r"C:\temp", "T"),
    (r"'\?'", "?", "T"),
    ("stra?e", "straße", "T"),
    ("x", {"a": 1}, "F"),
    ("[a, b]", "B", "T"),
    ("[a, 2]", "2", "T"),
    ("[]", "x", "F"),
    ("b", ["a", "B"], "T"),
    ("b", [None, "a"], "F"),
    ("null", [None, "a"], "T"),
    ("null", [], "F"),
    ("''", ["a", ""], "T"),
    ("[a, b]", ["c", ["b"]], "T"),
    ("half", "half\ud800", "F"),
    ("'half*'", "half\ud800", "T"),
    ("'h?l*f?'", "half\ud800", "T"),
]


@pytest.mark.parametrize(("written", "value", "answer"), EQUALITY)
def test_plain_values_are_compared_without_case_and_by_type(written: str, value: object, answer: str) -> None:
    assert said(f"{{unmapped.f: {written}}}", value) == answer


MODIFIERS = [
    ("unmapped.f|cased: Abc", "Abc", "T"),
    ("unmapped.f|cased: Abc", "abc", "F"),
    ("unmapped.f|contains|cased: Bc", "aBcd", "T"),
    ("unmapped.f|cased|contains: Bc", "abcd", "F"),
    ("unmapped.f|contains|all: [a, c]", "abc", "T"),
    ("unmapped.f|contains|all: [a, x]", "abc", "F"),
    ("unmapped.f|all: [a, b]", ["b", "A", "z"], "T"),
    ("unmapped.f|all: [a, b]", ["a"], "F"),
    ("unmapped.f|all: [a, b]", "a", "F"),
    ("unmapped.f|contains: 'b?d'", "abcde", "T"),
    ("unmapped.f|contains: ''", "abc", "T"),
    ("unmapped.f|startswith: '4'", 4625, "T"),
    ("unmapped.f|neq: [a, b]", "c", "T"),
    ("unmapped.f|neq: [a, b]", "A", "F"),
    ("unmapped.f|contains|neq: x", ["ax", "b"], "F"),
    ("unmapped.f|windash: '-enc'", "/enc", "T"),
    ("unmapped.f|windash: '-enc'", "\u2014enc", "T"),
    ("unmapped.f|windash: 'a-b'", "a/b", "F"),
    ("unmapped.f|contains|windash: ' -f'", "rm /f x", "T"),
    ("unmapped.f|windash|contains: ' -f'", "rm \u2013f x", "T"),
    ("unmapped.f|base64: foobar", "Zm9vYmFy", "T"),
    ("unmapped.f|base64|contains: foo", "xxZm9vyy", "T"),
    ("unmapped.f|base64offset|contains: /bin/sh", "eCAvYmluL3NoIHk=", "T"),
    ("unmapped.f|base64offset|contains: /bin/sh", "eHkgL2Jpbi9zaCB6", "T"),
    ("unmapped.f|base64offset|contains: /bin/sh", "eHl6IC9iaW4vc2ggeg==", "T"),
    ("unmapped.f|base64offset|contains: /bin/zz", "eHl6IC9iaW4vc2ggeg==", "F"),
    ("unmapped.f|wide|base64: ab", "YQBiAA==", "T"),
    ("unmapped.f|utf16le|base64: ab", "YQBiAA==", "T"),
    ("unmapped.f|utf16be|base64: ab", "AGEAYg==", "T"),
    ("unmapped.f|utf16|base64: ab", "//5hAGIA", "T"),
    ("unmapped.f|utf16le: ab", "a\x00b\x00", "T"),
    ("unmapped.f|re: 'b.d'", "abcd", "T"),
    ("unmapped.f|re: 'B'", "abcd", "F"),
    ("unmapped.f|re|i: 'B'", "abcd", "T"),
    ("unmapped.f|re|m: '^b'", "a\nb", "T"),
    ("unmapped.f|re: '^b'", "a\nb", "F"),
    ("unmapped.f|re|s: 'a.b'", "a\nb", "T"),
    ("unmapped.f|re: 'a.b'", "a\nb", "F"),
    ("unmapped.f|re|i|m|s: '^B.C$'", "a\nb\nc", "T"),
    ("unmapped.f|re: '^46'", 4625, "T"),
    ("unmapped.f|re|all: [a, b]", "ab", "T"),
    ("unmapped.f|re: '\\*'", "a*", "T"),
    ("unmapped.f|cidr: 10.0.0.0/8", "11.0.0.1", "F"),
    ("unmapped.f|cidr: 10.0.0.0/8", "::ffff:10.0.0.1", "T"),
    ("unmapped.f|cidr: 'fe80::/10'", "fe80::1", "T"),
    ("unmapped.f|cidr: 'fe80::/10'", "10.0.0.1", "F"),
    ("unmapped.f|cidr: 10.0.0.0/8", "cloudtrail.amazonaws.com", "F"),
    ("unmapped.f|cidr: [10.0.0.0/8, 192.168.0.0/16]", "192.168.3.4", "T"),
    ("unmapped.f|lt: 5", True, "U missing"),
    ("unmapped.f|lt: 5", [9, 4], "T"),
    ("unmapped.f|lt: 5", [9, "x"], "U missing"),
    ("unmapped.f|gt: 4.5", "4.6", "T"),
    ("unmapped.f|gt: -1", 0, "T"),
    ("unmapped.f|minute: 30", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|day: 3", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|week: 10", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|month: 3", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|year: 2026", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|hour: [8, 9]", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|hour|gte: 9", "2026-03-03T09:30:00Z", "T"),
    ("unmapped.f|hour|lt: 9", "2026-03-03T09:30:00Z", "F"),
    ("unmapped.f|hour: 9", 1772530200000, "T"),
    ("unmapped.f|hour: 9", "2026-03-03T09:30:00", "U missing"),
    ("unmapped.f|age_gt: 24h", "2026-03-02T12:00:00Z", "F"),
    ("unmapped.f|age_lte: 24h", "2026-03-02T12:00:00Z", "T"),
    ("unmapped.f|age_gt: 30d", "2026-01-01T00:00:00+02:00", "T"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "value", "answer"), MODIFIERS)
def test_each_modifier_does_what_sigma_or_we_say(test: str, value: object, answer: str) -> None:
    assert said(f"{{{test}}}", value) == answer


@pytest.mark.parametrize(
    ("part", "number"), [("hour", 0), ("day", 4), ("week", 10), ("minute", 30), ("month", 3), ("year", 2026)]
)
def test_time_parts_are_those_of_the_client_zone(part: str, number: int) -> None:
    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    truth = selection_truth(
        f"{{time|{part}: {number}}}", given({}, time=late), zone=ZoneInfo("Europe/Berlin")
    )
    assert truth is True


@pytest.mark.parametrize(
    ("left", "right", "modifiers", "answer"),
    [
        ("abc", "ABC", "", "T"),
        ("abc", "ABC", "|cased", "F"),
        ("abcd", "bc", "|contains", "T"),
        ("abcd", "ab", "|startswith", "T"),
        ("abcd", "ab", "|endswith", "F"),
        (5, "5", "", "T"),
        (5, 6, "|neq", "T"),
        (["a", "b"], ["B", "c"], "", "T"),
        ("", "", "", "T"),
        (None, None, "", "F"),
        ("a", None, "", "F"),
        ("a", ABSENT, "", "U missing"),
        (ABSENT, "a", "", "U missing"),
        ("a", ABSENT, "|neq", "U missing"),
    ],
)
def test_a_field_is_compared_with_another(left: object, right: object, modifiers: str, answer: str) -> None:
    fields = {
        name: value for name, value in (("unmapped.f", left), ("unmapped.g", right)) if value is not ABSENT
    }
    truth = selection_truth(f"{{unmapped.f|fieldref{modifiers}: unmapped.g}}", given(fields))
    assert letter(truth) == answer


@pytest.mark.parametrize(
    ("test", "value", "answer"),
    [
        ('"unmapped.f|expand": "%setting.names%"', "B", "T"),
        ('"unmapped.f|expand": "%setting.names%"', "c", "F"),
        ('"unmapped.f|contains|expand": "<%setting.word%>"', "x<Key>y", "T"),
        ('"unmapped.f|gte|expand": "%setting.limit%"', 10, "T"),
        ('"unmapped.f|age_gte|expand": "%setting.grace%"', "2026-03-02T11:00:00Z", "T"),
        ('"unmapped.f|cidr|expand": "%setting.nets%"', "10.0.0.9", "T"),
        ('"unmapped.f|expand": "%setting.map%"', "one", "T"),
        ('"unmapped.f|expand": "%list.scanners%"', "10.1.1.1", "T"),
        ('"unmapped.f|expand": "%list.scanners%"', "host-7", "T"),
        ('"unmapped.f|expand": "%list.scanners%"', "192.168.0.1", "F"),
        ('"unmapped.f|expand": "%list.empty%"', "x", "F"),
        ('"unmapped.f|expand": "%list.unfilled%"', "x", "U fact"),
        ('"unmapped.f|expand": "%list.unfilled%"', None, "F"),
        ('"unmapped.f|expand": ["%list.unfilled%", x]', "x", "T"),
        ('"unmapped.f|expand": ["%list.unfilled%", x]', "y", "U fact"),
        ('"unmapped.f|expand|neq": "%list.unfilled%"', "y", "U fact"),
        ('"unmapped.f|expand": "%client.zone%"', "Europe/Berlin", "T"),
        ("\"unmapped.f|expand\": '100\\% %setting.word%'", "100% key", "T"),
        ('"unmapped.f|expand|base64": "%setting.word%"', "a2V5", "T"),
    ],
)
def test_placeholders_stand_for_the_clients_values(test: str, value: object, answer: str) -> None:
    from controls.rules.language.compile import Bindings, compile_expression
    from controls.rules.language.positions import read_yaml
    from controls.rules.language.selections import SelectionReader
    from controls.rules.language.settings import Setting
    from evidence.ocsf.event import MISSING
    from tests.controls.rules.making import VOCABULARY

    values = {
        "names": ["a", "b"], "word": "key", "limit": 10, "grace": "24h", "nets": ["10.0.0.0/24"], "map": {"one": 1},
    }  # fmt: skip
    types = dict(
        zip(values, ("list[text]", "text", "int", "duration", "cidr_list", "map[text,int]"), strict=True)
    )
    reader = SelectionReader("x", VOCABULARY, {n: Setting(n, types[n], values[n], "") for n in values})
    node, _ = read_yaml(f"{{{test}}}", "x")
    expression = reader.selection(node, "s")  # type: ignore[arg-type]
    assert not reader.errors, reader.errors
    lists = {"scanners": ["10.0.0.0/8", "host-*"], "empty": [], "unfilled": None}
    bindings = Bindings(values, lists, ZoneInfo("Europe/Berlin"), "Europe/Berlin")
    truth = compile_expression(expression, bindings).test(given({"unmapped.f": value}), lambda e, n: MISSING)
    assert letter(truth) == answer


@pytest.mark.parametrize(
    ("test", "value", "answer"),
    [
        ("unmapped.f: x", ABSENT, "F"),
        ("unmapped.f: null", ABSENT, "T"),
        ("unmapped.f: null", None, "T"),
        ("unmapped.f|neq: x", ABSENT, "T"),
        ("unmapped.f|lt: 5", ABSENT, "F"),
        ("unmapped.f|lt: 5", "soon", "F"),
        ("unmapped.f|exists: false", ABSENT, "T"),
        ("unmapped.never|exists: true", ABSENT, "F"),
        ("unmapped.f|fieldref: unmapped.g", ABSENT, "F"),
    ],
)
def test_sigma_semantics_takes_missing_for_false_and_null_for_missing(
    test: str, value: object, answer: str
) -> None:
    assert said(f"{{{test}}}", value, sigma=True) == answer


def test_answers_remembered_per_value_are_those_of_the_value() -> None:
    from controls.rules.language import compile as compiling
    from controls.rules.language.positions import read_yaml
    from controls.rules.language.selections import SelectionReader
    from tests.controls.rules.making import VOCABULARY

    node, _ = read_yaml("{action|contains: '7'}", "x")
    expression = SelectionReader("x", VOCABULARY).selection(node, "s")  # type: ignore[arg-type]
    test = compiling.compile_expression(expression, compiling.Bindings()).test
    names = [f"Do{number}" for number in range(compiling.MEMO_SIZE + 50)]
    for _ in range(2):
        assert [name for name in names if test(given({"action": name}), None) is True] == [
            n for n in names if "7" in n
        ]


def test_the_moment_of_judgment_is_the_events_own_time() -> None:
    assert NOON.hour == 12
    early = given({"unmapped.f": "2026-03-02T12:00:00Z"}, time=datetime(2026, 3, 2, 13, tzinfo=UTC))
    assert selection_truth("{unmapped.f|age_gte: 24h}", early) is False
