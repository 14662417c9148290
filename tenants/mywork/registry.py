"""What "My work" lists, filled from the right at start-up: kinds of work register themselves here."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tenants.access.policy import Standing


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that waits for a person at one client. `url` is a path below the client's root."""

    kind: str
    title: str
    url: str
    due: datetime.datetime | None
    severity: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class WorkKind:
    """One kind of work: its words, and the question for a person's work at the present client, most urgent first.

    The question runs inside `with client(...)` and asks at most `limit` rows.
    """

    key: str
    label: str
    of: Callable[[Standing, int], Iterable[Work]]


_KINDS: dict[str, WorkKind] = {}


def register(kind: WorkKind) -> None:
    """Add a kind of work; a second one of the same key is a mistake in the code."""
    if kind.key in _KINDS:
        raise ValueError(f'The kind of work "{kind.key}" is registered twice.')
    _KINDS[kind.key] = kind


def kinds() -> tuple[WorkKind, ...]:
    """Return every kind, in the order of registration."""
    return tuple(_KINDS.values())
