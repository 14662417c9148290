"""What Find looks through, filled from the right at start-up: each app adds what it lets people find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tenants.access.gate import Gate


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found: its name, one line about it, its address (a path from the host's root)."""

    name: str
    line: str
    href: str


@dataclass(frozen=True, slots=True)
class Finder:
    """One kind of thing: its words, the action of the policy that opens it, and the question itself.

    `of` gets the gate, the words (two characters at least, split at spaces) and the most rows that it may return; it
    returns only what the person may see: for an auditor, within the engagement. It runs at a client, or at the portal
    where `at_portal` says so, where only `public` is there.
    """

    key: str
    label: str
    action: str
    of: Callable[[Gate, list[str], int], Iterable[Found]]
    at_client: bool = True
    at_portal: bool = False


_FINDERS: dict[str, Finder] = {}


def register(finder: Finder) -> None:
    """Add a kind of thing; a second one of the same key is a mistake in the code."""
    if finder.key in _FINDERS:
        raise ValueError(f'The finder "{finder.key}" is registered twice.')
    _FINDERS[finder.key] = finder


def finders() -> tuple[Finder, ...]:
    """Return every kind, in the order of registration."""
    return tuple(_FINDERS.values())
