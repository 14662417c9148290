"""A rule as read from its file (soc2-rules §3.2), before it meets a client's settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from controls.rules.language.expressions import Block, FieldTest, field_tests
from controls.rules.language.settings import Setting

FAMILIES: Final = (
    "identity", "change", "resilience", "vulnerability", "encryption", "data",
    "network", "endpoint", "logging", "incident", "physical", "processing",
)  # fmt: skip
KINDS: Final = ("member", "correlation", "absence", "state", "baseline", "reconciliation")
CONSEQUENCES: Final = ("deviation", "alert")
SEVERITIES: Final = ("low", "medium", "high", "critical")
STATUSES: Final = ("stable", "test", "experimental", "deprecated")
# Kinds that the evaluator judges today. The others are read and checked, and listed as not evaluated.
JUDGED_KINDS: Final = ("member", "state")


@dataclass(frozen=True, slots=True)
class Soc2:
    """The criteria a rule bears on (`criteria` first, `also` beside) and the controls it is a test of."""

    criteria: tuple[str, ...]
    also: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """A known false positive, executable: members it holds for are left out or pass, noted by its id."""

    id: str
    help: str
    effect: str  # "pass" or "exclude"
    where: Block


@dataclass(frozen=True, slots=True)
class SeverityWhen:
    """Another severity for the members that a condition holds for."""

    severity: str
    where: Block


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do about an exception. `sla` is `std` (by severity) or a duration."""

    summary: str
    steps: tuple[str, ...] = ()
    sla: str = "std"


@dataclass(frozen=True, slots=True)
class Case:
    """One worked case of a rule, in plain values, with its place in the file."""

    name: str
    at: str | None
    settings: dict[str, object]
    lists: dict[str, object]
    facts: dict[str, object]
    snapshot: tuple[object, ...]
    coverage: object
    given: tuple[object, ...]
    expect: dict[str, object]
    line: int
    column: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Rule:
    """A control test: population, failing condition, one result per member, a consequence."""

    id: str
    title: str
    description: str
    version: str
    kind: str
    consequence: str
    severity: str
    soc2: Soc2
    sources: tuple[str, ...]
    population: Block
    remediation: Remediation
    tests: tuple[Case, ...]
    detection: Block | None = None
    unknown_when: Block | None = None
    filters: tuple[Filter, ...] = ()
    severity_when: tuple[SeverityWhen, ...] = ()
    settings: dict[str, Setting] = field(default_factory=dict)
    status: str = "stable"
    group_by: tuple[str, ...] = ("actor_key",)
    dedup: str = "1d"
    semantics: str = "kleene"
    logsource: dict[str, str] | None = None
    # What only one kind has, in plain values as written.
    correlation: object = None
    absence: dict[str, object] | None = None
    state: dict[str, object] | None = None
    baseline: dict[str, object] | None = None
    reconciliation: dict[str, object] | None = None
    deadline: dict[str, object] | None = None
    references: tuple[str, ...] = ()
    author: str = ""
    date: str = ""
    tags: tuple[str, ...] = ()
    file: str = ""
    line: int = 1
    column: int = 1
    family: str = ""
    slug: str = ""

    def __repr__(self) -> str:
        return f"<Rule {self.id} {self.slug or self.title} {self.version}>"

    @property
    def judged(self) -> bool:
        """Whether the evaluator judges this rule; else it is listed as not evaluated, with `why_not_judged`."""
        return self.why_not_judged == ""

    @property
    def why_not_judged(self) -> str:
        """The sentence that says why the rule has no results yet; empty for one that is judged."""
        if self.kind not in JUDGED_KINDS:
            return f"rules of kind {self.kind} are read and checked, but not evaluated yet"
        if self.deadline is not None:
            return "rules with a deadline are read and checked, but not evaluated yet"
        return ""

    def waits_for(self, adapters: Collection[str]) -> tuple[str, ...]:
        """Return the sources the rule names that have no adapter yet."""
        return tuple(slug for slug in self.sources if slug != "any" and slug not in adapters)

    @property
    def blocks(self) -> Iterator[tuple[str, Block]]:
        """Every block of selections with the name of its place, in the order of judgment."""
        yield "population", self.population
        for entry in self.filters:
            yield f"filter {entry.id}", entry.where
        if self.unknown_when is not None:
            yield "unknown_when", self.unknown_when
        if self.detection is not None:
            yield "detection", self.detection
        for override in self.severity_when:
            yield f"severity_when {override.severity}", override.where

    @property
    def field_tests(self) -> Iterator[FieldTest]:
        """Every field test of the rule, in the order of judgment."""
        for _, block in self.blocks:
            yield from field_tests(block.expression)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that the rule may ask for, without `fact.`, each once."""
        names: dict[str, None] = {}
        for test in self.field_tests:
            if test.is_fact:
                names[test.field.removeprefix("fact.")] = None
            if "fieldref" in test.modifiers:
                for value in test.values:
                    if isinstance(value.value, str) and value.value.startswith("fact."):
                        names[value.value.removeprefix("fact.")] = None
        return tuple(names)
