# ruff: noqa: E501 - sentences are easier to compare whole
"""What is wrong with a rule file is said with line and column, all of a file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from controls.rules.language.errors import RuleErrors
from controls.rules.language.schema import load_rules
from tests.controls.rules.making import (
    DETECTION,
    HEAD,
    POPULATION,
    TAIL,
    VOCABULARY,
    errors_of,
    rule_text,
)


def test_a_good_file_has_no_errors() -> None:
    assert errors_of(rule_text()) == []


def _detection(lines: str) -> str:
    return rule_text(detection="detection:\n" + "".join(f"  {line}\n" for line in lines.split("\n")))


# The population takes lines 10 to 12 of the file, the detection begins in line 13.
SENTENCES = [
    (
        rule_text(population=POPULATION.replace("population:", "populaton:")),
        ['rule.yml:1:1: required key "population" is missing',
         'rule.yml:10:1: unknown key "populaton". Did you mean "population"?'],
    ),
    (
        _detection("bad: {actor.usr.uid: x}\ncondition: bad"),
        ['rule.yml:14:9: unknown field "actor.usr.uid" for class 3002. Did you mean "actor.user.uid"?'],
    ),
    (
        _detection("selection: {unmapped.x: 1}\nmfa: {is_mfa: false}\ncondition: selectoin and mfa"),
        ['rule.yml:16:14: condition names "selectoin", which is not defined (defined: selection, mfa)'],
    ),
    (
        _detection("bad: {unmapped.x: 1}\nold: {unmapped.y: 1}\ncondition: bad"),
        ['rule.yml:15:3: selection "old" is never used'],
    ),
    (
        _detection("bad: {unmapped.x|contains|re: a}\ncondition: bad"),
        ['rule.yml:14:9: modifier "re" cannot follow "contains"'],
    ),
    (
        _detection("bad: {unmapped.x|contains|all: [a]}\ncondition: bad"),
        ['rule.yml:14:9: "all" needs at least two values'],
    ),
    (
        _detection("bad: {unmapped.x: [a, null]}\ncondition: bad"),
        ["rule.yml:14:25: null may not stand in a list of values; give it a selection of its own"],
    ),
    (
        rule_text(extra="settings:\n  limit: {type: int, default: 500, min: 1, max: 100, help: h}"),
        ['rule.yml:17:31: setting "limit" default 500 exceeds max 100'],
    ),
    (
        rule_text(extra="settings:\n  limit: {type: int, default: 0, min: 1, max: 100, help: h}"),
        ['rule.yml:17:31: setting "limit" default 0 is below min 1'],
    ),
    (
        rule_text(extra="settings:\n  span: {type: duration, default: 40d, min: 1h, max: 7d, help: h}"),
        ['rule.yml:17:35: setting "span" default 40d exceeds max 7d'],
    ),
    (
        rule_text(
            detection='detection:\n  bad: {"unmapped.x|gt|expand": "%setting.limt%"}\n  condition: bad\n',
            extra="settings:\n  limit: {type: int, default: 5, min: 1, max: 100, help: h}",
        ),
        ["rule.yml:14:33: placeholder %setting.limt% has no such setting"],
    ),
    (
        rule_text(head=HEAD.replace("[CC6.1]", "[CC6.9]")),
        ["rule.yml:8:19: criterion CC6.9 does not exist"],
    ),
    (
        rule_text(
            head=HEAD.replace("[aws]", "[aws, github]"),
            population="population:\n  all: {class_uid: 3002, is_mfa: false}\n  condition: all\n",
        ),
        ['rule.yml:9:16: source "github" never sends "is_mfa", which population requires; remove it from sources'],
    ),
    (
        _detection("bad: {unmapped.x|re: '(a+)+b'}\ncondition: bad"),
        ["rule.yml:14:24: regular expression may run longer than linear (nested quantifier at character 5)"],
    ),
    (
        _detection("bad: {unmapped.x|re: '^(a+b)+$'}\ncondition: bad"),
        ["rule.yml:14:24: regular expression may run longer than linear (nested quantifier at character 7)"],
    ),
    (
        _detection("bad: {unmapped.x|re: 'a(?=b)'}\ncondition: bad"),
        ["rule.yml:14:24: regular expression uses look-ahead at character 2, which is not allowed"],
    ),
    (
        _detection(r"bad: {unmapped.x|re: '(a)\1'}" + "\ncondition: bad"),
        ["rule.yml:14:24: regular expression uses a back-reference at character 4, which is not allowed"],
    ),
    (
        _detection(f"bad: {{unmapped.x|re: '{'a' * 513}'}}\ncondition: bad"),
        ["rule.yml:14:24: regular expression has 513 characters, more than the 512 allowed"],
    ),
    (
        rule_text(
            head=HEAD.replace("deviation", "alert"), extra="deadline: {within: 2h, until: {action: closed}}"
        ),
        ['rule.yml:16:11: consequence "alert" needs no deadline'],
    ),
    (_detection("bad: [word, other]\ncondition: bad"), ["rule.yml:14:8: selection \"bad\" is a list of keywords, which are looked for in no field and no index; name the field"]),
    (_detection("bad: {unmapped.x|contians: a}\ncondition: bad"), ['rule.yml:14:9: unknown modifier "contians". Did you mean "contains"?']),
    (_detection("bad: {unmapped.x|contains: 5}\ncondition: bad"), ['rule.yml:14:30: modifier "contains" needs text, not the number 5; put it in quotes']),
    (_detection("bad: {unmapped.x|lt: soon}\ncondition: bad"), ['rule.yml:14:24: modifier "lt" needs a number, not "soon"']),
    (_detection("bad: {unmapped.x|cidr: 10.0.0.0/40}\ncondition: bad"), ['rule.yml:14:26: "10.0.0.0/40" is no network; write one such as 10.0.0.0/8']),
    (_detection("bad: {unmapped.x|exists: maybe}\ncondition: bad"), ['rule.yml:14:28: modifier "exists" needs true or false']),
    (_detection("bad: {unmapped.x|base64: 'a*'}\ncondition: bad"), ['rule.yml:14:28: modifier "base64" cannot encode a wildcard; escape it as \\* or \\?']),
    (_detection("bad: {unmapped.x|i: a}\ncondition: bad"), ['rule.yml:14:9: modifier "i" needs "re" before it']),
    (_detection("bad: {unmapped.x: '%setting.a%'}\ncondition: bad"), ['rule.yml:14:21: placeholder %setting.a% needs the modifier "expand"']),
    (_detection("bad: {fact.actor.priviledged: true}\ncondition: bad"), ['rule.yml:14:9: unknown fact "actor.priviledged". Did you mean "fact.actor.privileged"?']),
    (_detection("bad: {unmapped.x: No}\ncondition: bad"), ['rule.yml:14:21: No without quotes is a truth value to some readers and text to others; write "No", or true or false']),
    (_detection("bad: {unmapped.x: 1, unmapped.x: 2}\ncondition: bad"), ['rule.yml:14:24: key "unmapped.x" stands twice (first in line 14)']),
    (_detection("bad: {unmapped.x|age_gt: 2bd}\ncondition: bad"), ['rule.yml:14:28: modifier "age_gt" needs a duration of s, m, h or d such as 24h: business days have no fixed length']),
    (_detection("bad: {unmapped.x: 1}\ncondition: 2 of them"), ['rule.yml:15:14: "2 of" is not part of a condition (only 1, any or all); to count events write kind: correlation with "correlation:" {type: event_count, condition: {gte: 2}}']),
    (rule_text(head=HEAD.replace('"1.0"', "1.0")), ['rule.yml:4:10: version must be text in quotes, such as "1.0"']),
    (rule_text(head=HEAD.replace("kind: member", "kind: membre")), ['rule.yml:5:7: kind "membre" is not one of member, correlation, absence, state, baseline, reconciliation. Did you mean "member"?']),
    (rule_text(head=HEAD.replace("[AC-01]", "[AC-99]")), ['rule.yml:8:38: control AC-99 does not exist']),
    (rule_text(head=HEAD.replace("[aws]", "[awss]")), ['rule.yml:9:11: source "awss" does not exist. Did you mean "aws"?']),
    (rule_text(extra="dedup: 2h"), ["rule.yml:16:8: dedup must be one of 1h, 1d, 7d, month"]),
    (rule_text(extra="semantics: sigma"), ['rule.yml:16:12: semantics "sigma" is allowed only for imported rules, whose id is a UUID']),
    (rule_text(extra="state: {item: account, snapshot: accounts}"), ['rule.yml:16:8: "state" belongs to kind "state", not to kind "member"']),
    (rule_text(extra="level: high"), ['rule.yml:16:8: "level" is another word for "severity"; write one of them']),
    (
        rule_text(tail="remediation: {summary: Mend it.}\ntests:\n  - {name: bad, given: [{class_uid: 3002}], expect: {result: fail}}\n"),
        ["rule.yml:18:3: tests needs at least two cases, one that expects fail and one that expects unknown"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), SENTENCES, ids=[sentences[-1][:70] for _, sentences in SENTENCES]
)
def test_each_mistake_has_its_sentence_at_its_place(text: str, expected: list[str]) -> None:
    assert errors_of(text) == expected


def test_all_mistakes_of_a_file_are_said_at_once_in_their_order() -> None:
    text = rule_text(
        head=HEAD.replace("[CC6.1]", "[CC6.9]").replace("title: A rule", "titel: A rule"),
        detection="detection:\n  bad: {unmapped.x|re|contains: a}\n  old: {unmapped.y: 1}\n  condition: bda\n",
        extra="dedup: 3d",
    )
    places = [tuple(map(int, error.split(":")[1:3])) for error in errors_of(text)]
    assert places == sorted(places)
    assert [line for line, _ in places] == [1, 2, 8, 14, 16, 17]


def test_an_error_in_a_quoted_condition_points_into_the_quotes() -> None:
    assert errors_of(_detection("bad: {unmapped.x: 1}\ncondition: 'bad or bda'"))[0].startswith(
        "rule.yml:15:22: "
    )


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("", "1:1", "the file is empty"),
        ("a: [1, 2\nb: 3\n", "2:2", "this is not YAML"),
        ("a: 1\n---\nb: 2\n", "3:1", "one file holds one rule"),
        ("- a\n", "1:1", "a rule file holds one map of keys"),
        ("a: *b\n", "1:4", "this is not YAML"),
        ("[" * 5000, "1:", "this is not YAML"),
    ],
)
def test_what_is_no_rule_file_is_said_with_its_place(text: str, place: str, part: str) -> None:
    first = errors_of(text)[0]
    assert first.startswith(f"rule.yml:{place}")
    assert part in first


def test_bytes_that_are_not_utf8_are_said_with_their_place() -> None:
    from controls.rules.language.schema import read_rule

    with pytest.raises(RuleErrors) as refused:
        read_rule(b"id: R01\ntitle: \xff\n", "rule.yml", vocabulary=VOCABULARY)
    assert str(refused.value) == "rule.yml:2:8: the file is not UTF-8"


def test_a_small_file_cannot_unfold_into_a_large_one() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    errors = errors_of("\n".join(levels))
    assert len(errors) == 1
    assert "unfolds into more than 100000 values" in errors[0]


def test_an_alias_that_holds_itself_is_refused() -> None:
    assert "alias" in errors_of("a: &a [*a]\n")[0]


def test_the_same_id_in_two_files_names_the_other_place(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    for name in ("first_of_two.yml", "second_of_two.yml"):
        (tmp_path / "identity" / name).write_text(rule_text(), "utf-8")
    with pytest.raises(RuleErrors) as refused:
        load_rules(tmp_path, vocabulary=VOCABULARY)
    assert str(refused.value) == (
        "identity/second_of_two.yml:1:5: rule R01 is also defined in identity/first_of_two.yml:1"
    )


def test_folder_and_file_names_are_checked(tmp_path: Path) -> None:
    (tmp_path / "identiy").mkdir()
    (tmp_path / "identiy" / "Short.yml").write_text(rule_text(), "utf-8")
    with pytest.raises(RuleErrors) as refused:
        load_rules(tmp_path, vocabulary=VOCABULARY)
    sentences = [error.sentence for error in refused.value.errors]
    assert any('Did you mean "identity"?' in sentence for sentence in sentences)
    assert any("10 to 70 characters" in sentence for sentence in sentences)


def test_a_false_positive_and_a_level_are_read_as_synonyms() -> None:
    text = rule_text(
        head=HEAD.replace("severity: high", "level: high"),
        extra="false_positives:\n  - {id: known, help: h, effect: pass, where: {f: {unmapped.y: 1}, condition: f}}",
    )
    assert errors_of(text) == []


def test_an_imported_rule_maps_its_fields_and_an_unmapped_one_is_an_error() -> None:
    imported = HEAD.replace("id: R01", "id: 8d7ff2a5-3cb2-4b5e-9d0e-2b5d0f6c9a11").replace(
        "deviation", "alert"
    )
    logsource = "logsource: {product: aws, service: cloudtrail}\nsemantics: sigma"
    detection = "detection:\n  bad: {eventName: x, responseElements.y: z}\n  condition: bad\n"
    tail = TAIL.replace("result: fail", "result: alert")
    text = rule_text(head=imported, detection=detection, extra=logsource, tail=tail)
    assert errors_of(text) == []
    wrong = errors_of(text.replace("eventName: x", "userName: x"))
    assert 'rule.yml:14:9: field "userName" has no mapping for log source aws/cloudtrail' in wrong


R04 = """\
id: R04
title: Excessive Failed Login Attempts
description: Guessing of one actor's password, or of many actors' from one address.
version: "1.0"
kind: correlation
consequence: alert
severity: medium
soc2: {criteria: [CC6.1]}
sources: [aws, okta, entra, google-workspace]
settings:
  limit: {type: int, default: 10, min: 3, max: 100, help: Failures that open an alert}
  span: {type: duration, default: 10m, min: 1m, max: 1h, help: Time in which they fall}
population:
  attempt: {class_uid: 3002, action: ConsoleLogin, status_id: [1, 2]}
  condition: attempt
detection:
  failure: {status_id: 2}
  condition: failure
correlation:
  - {type: event_count, base: [failure], group_by: [actor_key], timespan: "%setting.span%", condition: {gte: "%setting.limit%"}}
  - {type: value_count, base: [failure], group-by: [src_ip], field: actor_key, timespan: 30m, condition: {gte: 10}}
remediation: {summary: Block and reset.}
tests:
  - {name: ten in nine minutes, given: [{time: 2026-03-03T09:00:00Z, class_uid: 3002}], expect: {result: alert, exceptions: 1}}
  - {name: nobody and nowhere, given: [{time: 2026-03-03T09:00:00Z, class_uid: 3002}], expect: {result: unknown}}
"""


def test_kinds_that_are_not_judged_yet_are_checked_all_the_same() -> None:
    assert errors_of(R04) == []
    wrong = R04.replace("%setting.span%", "%setting.spam%").replace(
        "base: [failure], group_by", "base: [failrue], group_by"
    )
    wrong = wrong.replace("field: actor_key, ", "").replace("timespan: 30m", "timespan: soon")
    assert [error.split(": ", 1)[1] for error in errors_of(wrong)] == [
        'base names "failrue", which is not defined (defined: attempt, failure)',
        "placeholder %setting.spam% has no such setting",
        'correlation type "value_count" needs a "field"',
        "timespan must be a duration such as 10m",
    ]
    assert errors_of(R04.replace("correlation:\n", "baseline:\n"))[0].endswith(
        'kind "correlation" needs the key "correlation"'
    )


def test_an_absence_has_no_detection_and_a_state_needs_its_moment() -> None:
    absence = HEAD.replace("kind: member", "kind: absence")
    extra = "absence: {entity: fact.asset.owner, slots: plan, grace: 2h, match: {action: BackupDone}}"
    tail = TAIL.replace("bad,", "missed,")
    assert errors_of(rule_text(head=absence, detection="", extra=extra, tail=tail)) == []
    assert errors_of(rule_text(head=absence, extra=extra, tail=tail)) == [
        'rule.yml:14:3: kind "absence" has no detection; it fails when nothing matches "absence: match"'
    ]
    state = HEAD.replace("kind: member", "kind: state")
    errors = errors_of(
        rule_text(
            head=state,
            extra="state: {item: account, snapshot: accounts}",
            tail=TAIL.replace("at: 2026-03-03T09:00:00Z, ", ""),
        )
    )
    assert [error.split(": ", 1)[1] for error in errors] == [
        'a test of kind state needs "at", the moment of judgment'
    ] * 2


def test_parts_of_the_text_stand_where_the_tests_say() -> None:
    assert (HEAD.count("\n"), POPULATION.count("\n"), DETECTION.count("\n")) == (9, 3, 3)
