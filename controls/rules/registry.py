"""The rules of this installation, and those of a client as its settings have them at an instant."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

from django.db import connection

from controls.results.models import RuleSetting
from controls.rules.language import Rule, RuleSet, compile_rules, load_rules

FOLDER = Path(__file__).parent
BEGINNING = datetime.min.replace(tzinfo=UTC)


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule file, read once per process. Raises `RuleErrors` with all that is wrong in them."""
    return tuple(load_rules(FOLDER))


def rule_by_id(rule_id: str) -> Rule | None:
    """Return a rule, or None when its file does not exist yet."""
    return next((rule for rule in rules() if rule.id == rule_id), None)


@dataclass(frozen=True)
class RuleSetInForce:
    """A client's compiled rules: one set per version of its settings, in order of their begin."""

    begins: Sequence[datetime]
    sets: Sequence[RuleSet]

    def at(self, time: datetime) -> RuleSet:
        """Return the set that judges what happened at `time`."""
        return self.sets[bisect_right(self.begins, time) - 1]

    @property
    def fact_names(self) -> frozenset[str]:
        """The names of facts (`privileged`) that some judged rule may ask for."""
        return frozenset(
            name.rsplit(".", 1)[-1] for ruleset in self.sets for rule in ruleset.rules for name in rule.facts
        )


def in_force() -> RuleSetInForce:
    """Return the present client's rules with the settings in force at each time."""
    rows = RuleSetting.objects.order_by("valid_from", "pk").values_list(
        "rule", "values", "enabled", "valid_from"
    )
    versions = tuple((rule, _frozen(values), enabled, begin) for rule, values, enabled, begin in rows)
    return _compiled(versions, connection.tenant.zone)


def _frozen(values: dict[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in values.items()))


@lru_cache(maxsize=64)
def _compiled(
    versions: tuple[tuple[str, tuple[tuple[str, object], ...], bool, datetime], ...],
    zone: str,
) -> RuleSetInForce:
    begins = [BEGINNING, *sorted({begin for *_, begin in versions})]
    sets = []
    for begin in begins:
        settings: dict[str, dict[str, object]] = {}
        off: set[str] = set()
        for rule, values, enabled, since in versions:
            if since <= begin:
                settings[rule] = {k: list(v) if isinstance(v, tuple) else v for k, v in values}
                off.discard(rule) if enabled else off.add(rule)
        sets.append(compile_rules([r for r in rules() if r.id not in off], settings, {}, zone))
    return RuleSetInForce(begins, sets)
