"""Run the worked cases that a rule carries, by the evaluator that judges live events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from controls.rules.language.buckets import bucket_of, exception_key
from controls.rules.language.judging import CompileError, Judgment, RuleSet, compile_rules, highest
from controls.rules.language.rule import Case, Rule
from evidence.ocsf.event import MISSING, walk

SHUFFLES: Final = 20
SPLITS: Final = 3
_WORST: Final = ("fail", "unknown", "pass")


@dataclass(frozen=True, slots=True)
class CaseFailure:
    """A case that came out otherwise than it expects. `sentence` says what was expected and what came."""

    rule: Rule
    case: Case
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule.file}:{self.case.line}:{self.case.column}: {self.sentence}"


class CaseError(Exception):
    """A case cannot be run at all; the message is a sentence."""


class NormalizedEvent:
    """An event that a case gives by its fields: dotted paths, nested maps, and `fact.` names."""

    def __init__(self, fields: Mapping[str, Any], time: datetime, source: str) -> None:
        self.source = source
        self.time = time
        self.facts = {name.removeprefix("fact."): v for name, v in fields.items() if name.startswith("fact.")}
        self.document: dict[str, Any] = {}
        for path, value in fields.items():
            if not path.startswith("fact."):
                _plant(self.document, path.split("."), value)
        self.document.setdefault("source", source)
        self.document["time"] = time
        self.action = self.document.get("action", MISSING)
        self.class_uid = self.document.get("class_uid", MISSING)
        self.activity_id = self.document.get("activity_id", MISSING)
        self.status_id = self.document.get("status_id", MISSING)

    def value(self, path: str) -> object:
        """Return the value under a path, MISSING where the case gives none."""
        return walk(self.document, path.replace("[]", "").split("."))


def _plant(document: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
        if not isinstance(document, dict):
            raise CaseError(f'the given field "{".".join(path)}" lies below a value that is no map')
    document[path[-1]] = value


@dataclass(slots=True)
class _Given:
    """The events of a case, and what they prove for one another."""

    events: list[Any] = field(default_factory=list)
    proofs: list[Any] = field(default_factory=list)

    def find(self, kind: str, key: str) -> list[Any]:
        return [proof for proof in self.proofs if proof.kind == kind and proof.key == key]


def _moment(text: object, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CaseError(f"{what} must be a time with its zone, such as 2026-03-03T09:00:00Z")
    return moment.astimezone(UTC)


def _read_given(rule: Rule, case: Case) -> _Given:
    given = _Given()
    for seq, entry in enumerate(case.given):
        fields: dict[str, Any] = dict(entry)  # type: ignore[call-overload]
        if "raw" in fields:
            _read_raw(given, str(fields["source"]), fields["raw"], seq)
            continue
        written = fields.pop("time", case.at)
        if written is None:
            raise CaseError('a given event has no "time", and the test has no "at"')
        source = str(fields.get("source") or _only_source(rule))
        given.events.append(NormalizedEvent(fields, _moment(written, "time"), source))
    return given


def _only_source(rule: Rule) -> str:
    return rule.sources[0] if rule.sources and rule.sources[0] != "any" else "any"


def _read_raw(given: _Given, source: str, raw: object, seq: int) -> None:
    """Read one raw record through the source's own adapter."""
    from evidence.ocsf.event import Event
    from evidence.sources import registry
    from evidence.sources.contract import Proof, Rejected, Window

    octets = raw.encode() if isinstance(raw, str) else json.dumps(raw, separators=(",", ":")).encode()
    # A case is as old as its author likes; only the rule is on trial here, not the clock.
    window = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    found = registry.adapter(source).normalize(octets, seq, window=window)
    for output in found:
        if isinstance(output, Rejected):
            raise CaseError(f"record {seq} is rejected by source {source}: {output.reason}")
        if isinstance(output, Event):
            given.events.append(output)
        elif isinstance(output, Proof):
            given.proofs.append(output)
    if not found:
        raise CaseError(f"record {seq} holds no event of source {source}")


class _CaseFacts:
    """The facts of a case: as stated, else what the event itself decides, else what other events prove."""

    def __init__(self, case: Case, given: _Given) -> None:
        self.stated = {name.removeprefix("fact."): value for name, value in case.facts.items()}
        if isinstance(case.coverage, str):
            self.stated.setdefault("source.coverage", case.coverage)
        self.given = given

    def __call__(self, event: Any, name: str) -> object:
        own = getattr(event, "facts", {})
        if name in own:
            return own[name]
        if name in self.stated:
            return _as_of(self.stated[name], event.time)
        if isinstance(event, NormalizedEvent):
            return MISSING
        from evidence.sources import registry

        adapter = registry.adapter(event.source)
        if name.startswith("session."):
            return adapter.session_fact(event, name, self.given.find)
        return adapter.implied(event, name)


def _as_of(stated: object, time: datetime) -> object:
    """Return a stated fact at a time. A list of `{value, from, to}` states it as intervals."""
    if not (
        isinstance(stated, list) and stated and all(isinstance(i, dict) and "value" in i for i in stated)
    ):
        return stated
    for interval in stated:
        begins, ends = interval.get("from"), interval.get("to")
        if begins is not None and time < _moment(begins, "from"):
            continue
        if ends is not None and time >= _moment(ends, "to"):
            continue
        return interval["value"]
    return MISSING


def _judge_items(
    rules: RuleSet, rule: Rule, case: Case, items: Sequence[object]
) -> list[tuple[Judgment, datetime]]:
    at = _moment(case.at, "at")
    judged: list[tuple[Judgment, datetime]] = []
    for item in items:
        judgment = rules.judge_item(rule, dict(item), at)  # type: ignore[call-overload]
        if judgment is not None:
            judged.append((judgment, at))
    return judged


def _judge_given(rules: RuleSet, rule: Rule, case: Case) -> list[tuple[Judgment, datetime]]:
    given = _read_given(rule, case)
    facts = _CaseFacts(case, given)
    judged: list[tuple[Judgment, datetime]] = []
    for event in given.events:
        judged.extend((judgment, event.time) for judgment in rules.judge(event, facts))
    return judged


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to: the worst result of its members, and the figures that it may expect."""

    result: str
    reason: str
    count: int
    exceptions: int
    severity: str
    detail: str
    alert: bool = False


def _outcome(rule: Rule, judged: Sequence[tuple[Judgment, datetime]]) -> Outcome:
    if not judged:
        return Outcome("none", "", 0, 0, "", "nothing was a member")
    judgments = [judgment for judgment, _ in judged]
    result = next(worst for worst in _WORST if any(judgment.result == worst for judgment in judgments))
    deciding = [judgment for judgment in judgments if judgment.result == result]
    keys = {
        exception_key(rule, judgment.group, bucket_of(rule, time, "UTC"))
        for judgment, time in judged
        if judgment.result == "fail"
    }
    reasons = sorted({judgment.reason for judgment in deciding})
    names = sorted({name for judgment in deciding for name in (*judgment.lacks, *judgment.wants)})
    detail = f"{'/'.join(reasons)}: {', '.join(names)}" if names else "/".join(reasons)
    severity = highest([judgment.severity for judgment in deciding])
    exceptions = 0 if rule.status == "experimental" else len(keys)
    alert = any(judgment.alert for judgment in judgments)
    return Outcome(result, "/".join(reasons), len(judged), exceptions, severity, detail, alert)


def _differences(case: Case, outcome: Outcome) -> Iterator[str]:
    expected = dict(case.expect)
    if outcome.alert and expected.get("result") in ("alert", "fail"):
        # Untriaged at its due, an alert is a failure; a case has nobody to triage it.
        expected["result"] = outcome.result
    if "result" in expected and expected["result"] != outcome.result:
        detail = f" ({outcome.detail})" if outcome.detail else ""
        yield f"expected {expected['result']}, got {outcome.result}{detail}"
        return
    for name in ("reason", "severity", "count", "exceptions"):
        if name in expected and expected[name] != getattr(outcome, name):
            got = getattr(outcome, name)
            yield f"expected {name} {expected[name]}, got {got if got != '' else 'none'}"


def run_case(rule: Rule, case: Case) -> CaseFailure | None:
    """Run one case of a rule that is judged; None when it comes out as expected."""
    try:
        rules = compile_rules([rule], {rule.id: case.settings}, case.lists)  # type: ignore[arg-type]
        if rule.kind != "state":
            differences = list(_differences(case, _outcome(rule, _judge_given(rules, rule, case))))
        else:
            differences = _any_order(rules, rule, case)
    except (CompileError, CaseError) as error:
        differences = [f"cannot run: {error}"]
    if not differences:
        return None
    return CaseFailure(rule, case, f'test "{case.name}" {"; ".join(differences)}')


def _any_order(rules: RuleSet, rule: Rule, case: Case) -> list[str]:
    """Judge a snapshot as listed, then in other orders, which may not change the outcome."""
    outcome = _outcome(rule, _judge_items(rules, rule, case, case.snapshot))
    differences = list(_differences(case, outcome))
    shuffled = list(case.snapshot)
    order = random.Random(case.name)  # noqa: S311 - the same orders in every run, nothing secret
    for _ in range(SHUFFLES if len(shuffled) > 1 else 0):
        order.shuffle(shuffled)
        if _outcome(rule, _judge_items(rules, rule, case, shuffled)) != outcome:
            return [*differences, "comes out otherwise in another order"]
    for _ in range(SPLITS if len(shuffled) > 1 else 0):
        cut = order.randrange(1, len(shuffled))
        parts = [_judge_items(rules, rule, case, part) for part in (shuffled[:cut], shuffled[cut:])]
        if _outcome(rule, [*parts[0], *parts[1]]) != outcome:
            return [*differences, "comes out otherwise in two parts"]
    return differences


def run_cases(rules: Sequence[Rule]) -> tuple[int, list[CaseFailure]]:
    """Run every case of the rules that are judged; return how many ran, and those that failed."""
    ran = 0
    failed: list[CaseFailure] = []
    for rule in rules:
        for case in rule.tests if rule.judged else ():
            ran += 1
            failure = run_case(rule, case)
            if failure is not None:
                failed.append(failure)
    return ran, failed
