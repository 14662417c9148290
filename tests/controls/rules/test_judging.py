"""The order of judgment, membership, severity, groups, and the index that stands before them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controls.rules.language import CompileError, Judgment, bucket_of, compile_rules, exception_key
from controls.rules.language.rule import Rule
from evidence.ocsf.event import MISSING
from tests.controls.rules.making import HEAD, VOCABULARY, given, rule

POPULATION = """\
population:
  part: {action: SignIn}
  fact: {fact.actor.privileged: true}
  condition: part and fact
"""
DETECTION = """\
detection:
  bad: {unmapped.mfa: "no"}
  condition: bad
"""
TAIL = """\
remediation: {summary: Mend it.}
tests:
  - {name: bad, at: 2026-03-03T09:00:00Z, given: [{action: SignIn}], expect: {result: fail}}
  - {name: silent, at: 2026-03-03T09:00:00Z, given: [{action: SignIn}], expect: {result: unknown}}
"""


def judged(
    made: Rule, fields: Mapping[str, object], facts: Mapping[str, object] | None = None, **client: Any
) -> Judgment | None:
    known = facts or {}
    rules = compile_rules(
        [made], never_sent=lambda source, path: VOCABULARY.sends(source, path) == "never", **client
    )
    event = given({"actor_key": "AIDA1", **fields})
    judgments = rules.judge(event, lambda _, name: known.get(name, MISSING))
    assert len(judgments) < 2
    return judgments[0] if judgments else None


def said(
    made: Rule, fields: Mapping[str, object], facts: Mapping[str, object] | None = None, **client: Any
) -> str:
    judgment = judged(made, fields, facts, **client)
    return "none" if judgment is None else f"{judgment.result} {judgment.reason}".strip()


def privileged(extra: str = "", head: str = HEAD) -> Rule:
    return rule(population=POPULATION, detection=DETECTION, extra=extra, tail=TAIL, head=head)


@pytest.mark.parametrize(
    ("fields", "facts", "expected"),
    [
        ({"action": "SignIn", "unmapped.mfa": "no"}, {"actor.privileged": True}, "fail"),
        ({"action": "SignIn", "unmapped.mfa": "yes"}, {"actor.privileged": True}, "pass"),
        ({"action": "SignIn"}, {"actor.privileged": True}, "unknown missing"),
        ({"action": "SignIn", "unmapped.mfa": "no"}, {"actor.privileged": False}, "none"),
        ({"action": "SignIn", "unmapped.mfa": "no"}, {"actor.privileged": None}, "none"),
        ({"action": "SignIn", "unmapped.mfa": "no"}, {}, "unknown membership"),
        ({"action": "SignIn", "unmapped.mfa": "yes"}, {}, "unknown membership"),
        ({"action": "Other", "unmapped.mfa": "no"}, {}, "none"),
        ({"unmapped.mfa": "no"}, {"actor.privileged": True}, "none"),
    ],
)
def test_members_fail_pass_or_are_unknown_with_one_reason(
    fields: Mapping[str, object], facts: Mapping[str, object], expected: str
) -> None:
    assert said(privileged(), fields, facts) == expected


def test_a_membership_that_rests_on_a_fact_names_the_fact_it_wants() -> None:
    judgment = judged(privileged(), {"action": "SignIn", "unmapped.mfa": "no"})
    assert judgment is not None
    assert judgment.wants == ("actor.privileged",)
    assert judgment.lacks == ()


@pytest.mark.parametrize(
    ("condition", "fields", "expected"),
    [
        # The event part is not known: the event is no member, whatever the facts.
        ("a and fact", {}, "none"),
        ("a and not fact", {}, "none"),
        # It is known by one way, and the fact alone is open.
        ("(a or b) and fact", {"unmapped.b": 1}, "unknown membership"),
        ("(a or b) and fact", {"unmapped.b": 0}, "none"),
        ("b and not (a and fact)", {"unmapped.b": 1}, "unknown membership"),
        ("b and not (a or fact)", {"unmapped.b": 1}, "none"),
        ("b and (a or fact)", {"unmapped.b": 1}, "unknown membership"),
    ],
)
def test_only_an_open_fact_makes_a_membership_unknown(
    condition: str, fields: Mapping[str, object], expected: str
) -> None:
    lines = [
        "population:",
        "  a: {unmapped.a: 1}",
        "  b: {unmapped.b: 1}",
        "  fact: {fact.actor.privileged: true}",
    ]
    used = [
        line
        for line in lines
        if line.split(":")[0].strip()
        in ("population", *condition.replace("(", " ").replace(")", " ").split())
    ]
    population = "\n".join([*used, f"  condition: {condition}", ""])
    made = rule(population=population, detection=DETECTION, tail=TAIL)
    assert said(made, {"unmapped.mfa": "no", **fields}) == expected


FILTERS = """\
filters:
  - {id: out, help: h, effect: exclude, where: {f: {unmapped.out: 1}, condition: f}}
  - {id: ok, help: h, effect: pass, where: {f: {unmapped.ok: 1}, condition: f}}
"""


@pytest.mark.parametrize(
    ("fields", "facts", "expected", "note"),
    [
        ({"out": 1, "ok": 0, "mfa": "no"}, True, "none", ""),
        ({"out": 0, "ok": 1, "mfa": "no"}, True, "pass", "ok"),
        ({"out": 0, "ok": 0, "mfa": "no"}, True, "fail", ""),
        ({"out": 0, "mfa": "no"}, True, "unknown missing", ""),
        ({"ok": 0, "mfa": "no"}, True, "unknown missing", ""),
        ({"mfa": "yes"}, True, "pass", ""),
        ({"ok": 1, "mfa": "no"}, True, "pass", "ok"),
        ({"out": 1, "mfa": "no"}, None, "none", ""),
        ({"out": 0, "ok": 1, "mfa": "no"}, None, "unknown membership", ""),
    ],
)
def test_filters_leave_out_let_pass_and_cast_doubt_on_a_failure_only(
    fields: Mapping[str, object], facts: bool | None, expected: str, note: str
) -> None:
    event = {"action": "SignIn", **{f"unmapped.{name}": value for name, value in fields.items()}}
    known = {} if facts is None else {"actor.privileged": facts}
    made = privileged(FILTERS)
    assert said(made, event, known) == expected
    judgment = judged(made, event, known)
    assert (judgment.note if judgment else "") == note


@pytest.mark.parametrize(
    ("where", "facts", "expected"),
    [
        ("fact.actor.baseline_mature: false", {"actor.baseline_mature": False}, "unknown immature"),
        ("fact.source.coverage: gap", {"source.coverage": "gap"}, "unknown gap"),
        ("fact.actor.kind: service", {"actor.kind": "service"}, "unknown fact"),
        ("unmapped.odd: 1", {}, "unknown missing"),
        ("fact.actor.kind: service", {}, "fail"),
    ],
)
def test_unknown_when_comes_before_the_failing_condition(
    where: str, facts: Mapping[str, object], expected: str
) -> None:
    made = privileged(f"unknown_when: {{w: {{{where}}}, condition: w}}")
    fields = {"action": "SignIn", "unmapped.mfa": "no", "unmapped.odd": 1}
    assert said(made, fields, {"actor.privileged": True, **facts}) == expected


def test_the_first_severity_that_holds_replaces_the_rules_own() -> None:
    made = privileged(
        "severity_when:\n"
        "  - {severity: critical, where: {w: {unmapped.type: Root}, condition: w}}\n"
        "  - {severity: low, where: {w: {unmapped.mfa: 'no'}, condition: w}}\n"
    )
    facts = {"actor.privileged": True}
    for fields, severity in (({"type": "root"}, "critical"), ({"type": "x"}, "low"), ({}, "low")):
        event = {"action": "SignIn", "unmapped.mfa": "no", **{f"unmapped.{k}": v for k, v in fields.items()}}
        judgment = judged(made, event, facts)
        assert judgment is not None
        assert judgment.severity == severity


def test_an_alert_is_pending_until_somebody_looks() -> None:
    made = privileged(head=HEAD.replace("deviation", "alert"))
    judgment = judged(made, {"action": "SignIn", "unmapped.mfa": "no"}, {"actor.privileged": True})
    assert judgment is not None
    assert (judgment.result, judgment.reason, judgment.alert) == ("unknown", "pending", True)


def test_group_values_are_text_and_empty_where_not_known() -> None:
    made = privileged("group_by: [actor_key, src_ip, fact.actor.person, class_uid]")
    judgment = judged(
        made, {"action": "SignIn", "unmapped.mfa": "no", "class_uid": 3002}, {"actor.privileged": True}
    )
    assert judgment is not None
    assert judgment.group == ("AIDA1", "", "", "3002")


def test_a_source_that_the_rule_does_not_name_has_no_members() -> None:
    rules = compile_rules([privileged()])
    event = given({"action": "SignIn", "unmapped.mfa": "no"}, source="okta")
    assert rules.judge(event, lambda _, name: True) == []
    assert rules.judge_rule(rules.rules[0], event, lambda _, name: True) is None


def test_kinds_that_are_not_judged_yet_are_said_to_be_and_give_no_results() -> None:
    correlation = rule(
        head=HEAD.replace("kind: member", "kind: correlation").replace("R01", "R04"),
        extra="correlation:\n  {type: event_count, base: [bad], group_by: [actor_key], timespan: 10m, "
        "condition: {gte: 10}}",
    )
    deadline = rule(
        head=HEAD.replace("R01", "R27"),
        extra="deadline: {within: 4h, until: {action: contained}, business_days: false}",
    )
    rules = compile_rules([correlation, deadline, privileged()])
    assert [each.id for each in rules.not_evaluated] == ["R04", "R27"]
    assert [each.id for each in rules.rules] == ["R01"]
    assert "not evaluated yet" in correlation.why_not_judged
    assert rules.judge(given({"class_uid": 3002, "unmapped.x": 1}), lambda _, name: True) == []


def test_settings_and_lists_of_the_client_are_used_and_bad_ones_refused() -> None:
    made = rule(
        population=POPULATION,
        detection='detection:\n  bad: {"unmapped.n|gte|expand": "%setting.limit%"}\n  condition: bad\n',
        extra="settings: {limit: {type: int, default: 5, min: 1, max: 10, help: h}}",
        tail=TAIL,
    )
    event = {"action": "SignIn", "unmapped.n": 7}
    facts = {"actor.privileged": True}
    assert said(made, event, facts) == "fail"
    assert said(made, event, facts, settings={"R01": {"limit": 8}}) == "pass"
    with pytest.raises(CompileError, match='setting "limit" value 11 exceeds max 10'):
        compile_rules([made], {"R01": {"limit": 11}})
    assert compile_rules([made], {"R01": {"limit": 8}}).setting("R01", "limit") == 8


def test_a_field_of_settings_reads_the_clients_value() -> None:
    made = privileged(
        "settings: {mode: {type: text, default: strict, enum: [strict, easy], help: h}}\n"
        "filters:\n  - {id: easy, help: h, effect: pass, where: {f: {setting.mode: easy}, condition: f}}"
    )
    event = {"action": "SignIn", "unmapped.mfa": "no"}
    assert said(made, event, {"actor.privileged": True}) == "fail"
    assert said(made, event, {"actor.privileged": True}, settings={"R01": {"mode": "easy"}}) == "pass"


R10 = """\
id: R10
title: Privileged Account Without MFA Enrolled
description: x
version: "1.0"
kind: state
consequence: deviation
severity: high
soc2: {criteria: [CC6.1], controls: [AC-01]}
sources: [aws]
"""


def test_a_state_rule_judges_items_by_their_facts() -> None:
    made = rule(
        head=R10,
        population="population:\n  a: {fact.account.enabled: true}\n  condition: a\n",
        detection="detection:\n  n: {fact.account.mfa_enrolled: false}\n  condition: n\n",
        extra="state: {item: account, snapshot: accounts, max_age: 26h}\ngroup_by: [fact.account.key]\n"
        "filters:\n  - id: f\n    help: h\n    effect: exclude\n"
        "    where: {f: {fact.account.login: federated_only}, condition: f}",
        tail="remediation: {summary: s}\ntests:\n"
        "  - {name: a, at: 2026-03-03T09:00:00Z, snapshot: [{key: a}], expect: {result: fail}}\n"
        "  - {name: b, at: 2026-03-03T09:00:00Z, snapshot: [{key: a}], expect: {result: unknown}}\n",
    )
    rules = compile_rules([made])
    at = datetime(2026, 3, 3, tzinfo=UTC)

    def item(**facts: object) -> str:
        judgment = rules.judge_item(made, {"key": "a1", **facts}, at)
        return "none" if judgment is None else f"{judgment.result} {judgment.reason} {judgment.group[0]}"

    assert item(enabled=True, mfa_enrolled=False) == "fail  a1"
    assert item(enabled=True, mfa_enrolled=True) == "pass  a1"
    assert item(enabled=True) == "unknown fact a1"
    assert item(enabled=True, mfa_enrolled=None) == "pass  a1"
    assert item(enabled=False, mfa_enrolled=False) == "none"
    assert item(mfa_enrolled=False) == "unknown membership a1"
    assert item(enabled=True, mfa_enrolled=False, login="federated_only") == "none"
    with pytest.raises(ValueError, match="only state rules judge items"):
        compile_rules([privileged()]).judge_item(compile_rules([privileged()]).rules[0], {}, at)


def test_the_index_calls_every_rule_that_could_hold_and_spares_the_others() -> None:
    bodies = {
        "R11": "a: {class_uid: 3002, action: SignIn}\n  condition: a",
        "R12": "a: {action: [SignIn, SignOut]}\n  b: {class_uid: 3002}\n  condition: a and b",
        "R13": "a: {action|startswith: Sign}\n  condition: a",
        "R14": "a: {action: SignIn}\n  b: {unmapped.agent|contains: curl}\n  condition: a or b",
        "R15": "a: {action: SignIn}\n  condition: not a",
        "R16": "a: {unmapped.list: [x, y]}\n  condition: a",
        "R17": "a: {action|neq: SignIn}\n  condition: a",
        "R18": "a: {action|exists: true}\n  condition: a",
    }
    rules = [
        rule(
            head=HEAD.replace("R01", name),
            population=f"population:\n  {body}\n",
            detection=DETECTION,
            tail=TAIL,
        )
        for name, body in bodies.items()
    ]
    together = compile_rules(rules)
    assert together.unindexed == ("R15", "R17", "R18")
    events = [
        {
            "action": action,
            "class_uid": uid,
            "unmapped.agent": agent,
            "unmapped.list": listed,
            "unmapped.mfa": "no",
        }
        for action in ("SignIn", "signout", "Other")
        for uid in (3002, 6003)
        for agent in ("curl/8", "x", ["a", "curl"])
        for listed in (["x"], [], "y", {"x": 1})
    ]
    for _ in range(2):
        for fields in events:
            event = given(fields)
            alone = [judgment.rule.id for each in rules for judgment in compile_rules([each]).judge(event)]
            direct = [each.id for each in rules if together.judge_rule(each, event) is not None]
            assert [judgment.rule.id for judgment in together.judge(event)] == alone == direct


def test_memories_of_the_index_are_bounded() -> None:
    from controls.rules.language.compile import MEMO_SIZE

    rules = compile_rules([privileged()])
    for number in range(MEMO_SIZE + 10):
        rules.judge(given({"action": f"Do{number}"}))
    (_, _, memo) = rules._indexes["aws"].fields[0]
    assert len(memo) <= MEMO_SIZE


@pytest.mark.parametrize(
    ("dedup", "time", "zone", "bucket"),
    [
        ("1h", "2026-03-03T09:59:59Z", "Europe/Berlin", "2026-03-03T10:00+01:00"),
        ("1h", "2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25T02:00+02:00"),
        ("1h", "2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25T02:00+01:00"),
        ("1h", "2026-03-03T09:59:59Z", "Asia/Kolkata", "2026-03-03T15:00+05:30"),
        ("1d", "2026-03-03T23:30:00Z", "Europe/Berlin", "2026-03-04"),
        ("1d", "2026-03-03T23:30:00Z", "UTC", "2026-03-03"),
        ("7d", "2026-03-01T23:30:00Z", "UTC", "2026-02-23"),
        ("7d", "2026-03-01T23:30:00Z", "Europe/Berlin", "2026-03-02"),
        ("month", "2026-02-28T23:30:00Z", "Europe/Berlin", "2026-03"),
        ("month", "2026-02-28T23:30:00Z", "America/New_York", "2026-02"),
    ],
)
def test_buckets_are_aligned_in_the_client_zone(dedup: str, time: str, zone: str, bucket: str) -> None:
    made = privileged(f"dedup: {dedup}")
    moment = datetime.fromisoformat(time)
    assert bucket_of(made, moment, zone) == bucket_of(made, moment, ZoneInfo(zone)) == bucket


def test_exception_keys_of_different_groups_differ() -> None:
    made = privileged()
    keys = {
        exception_key(made, group, "2026-03-03")
        for group in [("a", "b"), ("a|b",), ("a|", "b"), ("a", "|b"), ("a\\", "b"), ("a\\|b",), ("", "a|b")]
    }
    assert len(keys) == 7
    assert exception_key(made, ("AIDA1",), "2026-03-03") == "R01|AIDA1|2026-03-03"


def test_a_time_without_zone_falls_into_no_bucket() -> None:
    naive = datetime(2026, 3, 3) + timedelta(hours=1)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="without zone"):
        bucket_of(privileged(), naive, "UTC")
