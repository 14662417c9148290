"""How a rule reads one field: event columns and paths, facts, settings; and what it says when nothing is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, Protocol

from controls.rules.language.kleene import Unknown
from evidence.ocsf.event import MISSING

FACT: Final = "fact."
SETTING: Final = "setting."
# Numbers and names that every event has; read as attributes, the way that costs least.
COLUMNS: Final = frozenset({"class_uid", "activity_id", "status_id", "source"})

# Calls are `facts(event, "actor.privileged")`; the answer is a value, None (known to be none) or MISSING.
Facts = Callable[[Any, str], object]
Reading = Callable[[Any, Facts], object]


class Readable(Protocol):
    """What rules need of an event."""

    source: str

    def value(self, path: str) -> object:
        """Return the value under a path, or MISSING."""
        ...


def no_facts(event: object, name: str) -> object:
    """Know nothing: every fact is MISSING."""
    return MISSING


def reading(path: str, settings: Mapping[str, object]) -> Reading:
    """Return a function that reads one field of an event."""
    if path.startswith(FACT):
        name = path.removeprefix(FACT)
        return lambda event, facts: facts(event, name)
    if path.startswith(SETTING):
        value = settings[path.removeprefix(SETTING)]
        return lambda event, facts: value
    if path == "action":
        return lambda event, facts: event.action or MISSING
    if path in COLUMNS:
        column = attrgetter(path)
        return lambda event, facts: column(event)
    return lambda event, facts: event.value(path)


class Absence:
    """What a field that is not there means: `missing` here, `not_sent` by this source, or a fact not known."""

    __slots__ = ("answers", "never_sent", "path", "unknown_fact")

    def __init__(self, path: str, never_sent: Callable[[str, str], bool]) -> None:
        self.path = path
        self.never_sent = never_sent
        self.answers: dict[str, Unknown] = {}
        name = path.removeprefix(FACT)
        self.unknown_fact = (
            Unknown("fact", facts=(name,), can_hold=True, can_fail=True) if path.startswith(FACT) else None
        )

    def __call__(self, event: Any) -> Unknown:
        """Return the unknown that stands for the field at this event's source."""
        if self.unknown_fact is not None:
            return self.unknown_fact
        source = event.source
        answer = self.answers.get(source)
        if answer is None:
            reason = "not_sent" if self.never_sent(source, self.path) else "missing"
            answer = self.answers[source] = Unknown(reason, fields=(self.path,))
        return answer

    def never(self, event: Any) -> bool:
        """Say whether the event's source never sends the field."""
        return self(event).reason == "not_sent"
