"""What "My work" lists, filled from the right at start-up: kinds of work register themselves here."""

import datetime
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tenants.access.policy import owners_of, parties_of


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that waits at a client for an act of somebody.

    `key` names it within its kind, `url` is a path below the client's root, `action` is the act of the policy that it
    waits for. With an `assignee` it waits for them alone; else for everybody whom the policy lets act, judged by
    `owners` (`own`) and `parties` (`ns`). `title` is kept outside the client's schema: it names, and tells no content.
    """

    kind: str
    key: str
    title: str
    url: str
    action: str
    due: datetime.datetime | None
    severity: str = ""
    assignee: uuid.UUID | None = None
    owners: frozenset[uuid.UUID] = frozenset()
    parties: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class WorkKind:
    """One kind of work: its words, the verb of each act that it waits for, and the question what waits.

    `waiting` runs inside `with client(...)`, answers for everybody, what is due first on top, and asks at most
    `limit` rows.
    """

    key: str
    label: str
    verbs: Mapping[str, str]
    waiting: Callable[[int], Iterable[Work]]


_KINDS: dict[str, WorkKind] = {}


def register(kind: WorkKind) -> None:
    """Add a kind of work; a second one of the same key is a mistake in the code."""
    if kind.key in _KINDS:
        raise ValueError(f'The kind of work "{kind.key}" is registered twice.')
    _KINDS[kind.key] = kind


def kinds() -> tuple[WorkKind, ...]:
    """Return every kind, in the order of registration."""
    return tuple(_KINDS.values())


def verbs() -> dict[str, str]:
    """Return the verb of every act that work can wait for, in the order of registration."""
    return {action: verb for kind in kinds() for action, verb in kind.verbs.items()}


@owners_of.register
def _(obj: Work) -> frozenset[uuid.UUID]:
    return obj.owners


@parties_of.register
def _(obj: Work) -> frozenset[uuid.UUID]:
    return obj.parties
