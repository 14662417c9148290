"""The rules that ship: all their cases, what they say of themselves, and what R01 does on bare records."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command

from controls.rules.language import Rule, compile_rules
from controls.rules.language.cases import run_case, run_cases
from controls.rules.language.words import block_in_words, procedure_in_words, selections_in_words
from controls.rules.shipped import FOLDER, shipped_rules
from evidence.ocsf.event import MISSING, Event
from evidence.sources import registry
from evidence.sources.contract import Window
from tests.controls.rules.making import rule_text

CASES = [(rule, case) for rule in shipped_rules() for case in rule.tests if rule.judged]


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id} {case.name}" for rule, case in CASES])
def test_each_worked_case_comes_out_as_its_rule_expects(rule: Rule, case: object) -> None:
    assert run_case(rule, case) is None  # type: ignore[arg-type]


def by_id(identifier: str) -> Rule:
    return next(rule for rule in shipped_rules() if rule.id == identifier)


def test_every_case_of_r01_starts_from_raw_records() -> None:
    assert all("raw" in entry for case in by_id("R01").tests for entry in case.given)  # type: ignore[operator]


def events(case_name: str) -> list[Event]:
    """Return the events of one of R01's cases, read by the adapter."""
    case = next(case for case in by_id("R01").tests if case.name == case_name)
    window = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    adapter = registry.adapter("aws")
    read = [
        output
        for seq, entry in enumerate(case.given)
        for output in adapter.normalize(json.dumps(entry["raw"]).encode(), seq, window=window)  # type: ignore[index]
    ]
    return [output for output in read if isinstance(output, Event)]


def results(rules: tuple[Rule, ...], found: list[Event], facts: dict[str, object]) -> list[str]:
    adapter = registry.adapter("aws")

    def known(event: object, name: str) -> object:
        return facts.get(name, adapter.implied(event, name))  # type: ignore[arg-type]

    judged = compile_rules(rules)
    return [f"{j.result} {j.reason}".strip() for event in found for j in judged.judge(event, known)]


def test_without_facts_every_member_but_root_is_unknown_for_its_membership() -> None:
    for case in by_id("R01").tests:
        found = events(case.name)
        root = {event.value("actor.user.type") == "Root" for event in found}
        said = set(results((by_id("R01"),), found, {}))
        if root == {False}:
            assert said <= {"unknown membership"}, case.name
        else:
            assert "unknown membership" not in said


def test_a_root_sign_in_is_judged_without_any_fact_and_is_critical() -> None:
    (root,) = events("root signs in without a factor")
    (judgment,) = compile_rules(shipped_rules()).judge(
        root, lambda event, name: registry.adapter("aws").implied(event, name)
    )
    assert (judgment.result, judgment.severity) == ("fail", "critical")
    assert judgment.group == (root.actor_key,)


def test_a_field_taken_from_a_record_never_makes_a_passing_sign_in_fail() -> None:
    """Each field of the record in turn, except those whose absence AWS documents to mean something."""
    rule = by_id("R01")
    documented = {"errorCode", "SamlProviderArn"}
    adapter = registry.adapter("aws")
    window = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    tried = 0
    for case in rule.tests:
        if case.expect.get("result") not in ("pass", "unknown") or len(case.given) != 1 or case.settings:
            continue
        raw = case.given[0]["raw"]  # type: ignore[index]
        for path in paths_of(raw):
            if path[-1] in documented:
                continue
            less = json.loads(json.dumps(raw))
            holder = less
            for key in path[:-1]:
                holder = holder[key]
            del holder[path[-1]]
            found = [
                output
                for output in adapter.normalize(json.dumps(less).encode(), 0, window=window)
                if isinstance(output, Event)
            ]
            facts = {name: value for name, value in case.facts.items() if not isinstance(value, list)}
            facts.setdefault("session.mfa", MISSING)
            facts.setdefault("session.factors", MISSING)
            assert not [said for said in results((rule,), found, facts) if said.startswith("fail")], path
            tried += 1
    assert tried > 200


def paths_of(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the path of every member of a record."""
    if isinstance(value, dict):
        return [path for key, below in value.items() for path in [(*at, key), *paths_of(below, (*at, key))]]
    return []


def test_r10_waits_for_the_sources_without_adapter_and_says_so() -> None:
    assert by_id("R10").waits_for({"aws"}) == ("okta", "github", "entra", "google")


def test_words_are_made_from_the_file() -> None:
    rule = by_id("R10")
    assert rule.detection is not None
    assert block_in_words(rule, rule.detection) == (
        "no second factor is enrolled and the account's creation is at least 24 hours ago"
    )
    assert "at least 1 hour ago" in procedure_in_words(rule, {"grace": "1h"})
    assert dict(selections_in_words(rule, rule.population)) == {
        "account": "the account is enabled and the account's kind is human",
        "rights": "the account has privileged rights",
    }
    assert procedure_in_words(rule).startswith("Took every account of each day's listing for which ")


def test_long_conditions_are_read_by_the_names_of_their_selections() -> None:
    words = procedure_in_words(by_id("R01"))
    assert "“silent” means that the record does not tell of a second factor" in words
    assert "unmapped" not in words


@pytest.mark.parametrize("rule", shipped_rules(), ids=lambda rule: rule.id)
def test_words_name_every_selection_that_is_used(rule: Rule) -> None:
    assert procedure_in_words(rule).count(".") >= 3


# The command


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("rules", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_command_runs_all_cases_and_answers_with_fixed_keys() -> None:
    code, out, _ = run("test", "--json")
    answer = json.loads(out)
    assert code == 0
    assert list(answer) == ["rules", "cases", "failed"]
    assert (answer["rules"], answer["cases"], answer["failed"]) == (len(shipped_rules()), len(CASES), [])


def test_the_command_runs_some_rules_only() -> None:
    code, out, _ = run("test", "R10", "--json")
    assert (code, json.loads(out)["rules"], json.loads(out)["cases"]) == (0, 1, 2)


def test_a_case_that_comes_out_otherwise_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    path = tmp_path / "identity" / "a_rule_that_errs.yml"
    tail = """\
    remediation: {summary: Mend it.}
    tests:
      - name: no factor
        at: 2026-03-03T09:00:00Z
        given: [{class_uid: 3002, source: aws}]
        expect: {result: fail}
      - name: silent
        at: 2026-03-03T09:00:00Z
        given: [{class_uid: 3002}]
        expect: {result: unknown, reason: gap, count: 2}
    """
    detection = "detection:\n  bad: {is_mfa: false}\n  condition: bad\n"
    path.write_text(rule_text(detection=detection, tail=tail), "utf-8")
    code, out, _ = run("test", "--rules", str(tmp_path))
    assert code == 1
    assert (
        'identity/a_rule_that_errs.yml:18:5: test "no factor" expected fail, got unknown (missing: is_mfa)'
        in out
    )
    assert 'test "silent" expected reason gap, got missing; expected count 2, got 1' in out
    code, out, _ = run("test", "--json", "--rules", str(tmp_path))
    assert (code, [failure["case"] for failure in json.loads(out)["failed"]]) == (1, ["no factor", "silent"])


def test_a_file_with_errors_ends_with_1_and_all_its_sentences(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    text = rule_text().replace("population:", "populaton:").replace("dedup", "dedup")
    (tmp_path / "identity" / "a_rule_that_errs.yml").write_text(text, "utf-8")
    code, _, err = run("test", "--rules", str(tmp_path))
    assert code == 1
    assert 'identity/a_rule_that_errs.yml:10:1: unknown key "populaton". Did you mean "population"?' in err


@pytest.mark.parametrize("arguments", [("test", "R99"), ("test", "--rules", "/nowhere/at/all")])
def test_a_request_that_cannot_be_understood_ends_with_2(arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert err.startswith("There is no ")


def test_the_list_says_what_is_judged_and_what_is_waited_for() -> None:
    code, out, _ = run("list", "--json")
    assert code == 0
    entries = {entry["id"]: entry for entry in json.loads(out)["rules"]}
    assert entries["R01"]["judged"] is True
    assert entries["R01"]["called_for_every_event"] is False
    assert entries["R10"]["waits_for"] == ["okta", "github", "entra", "google"]
    assert run("list")[1].count("\n") >= len(entries)


def test_a_rule_file_with_an_error_keeps_the_portal_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    from controls.rules import checks
    from controls.rules.language import RuleError, RuleErrors

    assert checks.check_rules(None) == []

    def refused() -> None:
        raise RuleErrors([RuleError("identity/a.yml", 3, 7, "criterion CC6.9 does not exist")])

    monkeypatch.setattr(checks, "shipped_rules", refused)
    (error,) = checks.check_rules(None)
    assert (error.id, error.msg) == ("controls.E001", "identity/a.yml:3:7: criterion CC6.9 does not exist")


def test_shipped_files_run_by_themselves_too() -> None:
    ran, failed = run_cases(shipped_rules())
    assert ran == len(CASES)
    assert failed == []
    assert FOLDER.is_dir()
