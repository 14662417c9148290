"""Asking every finder, within a bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Q

from tenants.access.gate import Gate
from tenants.find.registry import Finder, Found, finders

PER_KIND: Final = 6
LONGEST: Final = 100
SHORTEST: Final = 2
WORDS: Final = 6
# One statement of one finder may take this long; what takes longer is told as not looked through.
MILLISECONDS: Final = 800


@dataclass(frozen=True, slots=True)
class Group:
    """What one finder found; `late` says that it was stopped."""

    label: str
    found: list[Found]
    late: bool = False


def words_of(text: str) -> list[str]:
    """Return the words that are looked for: all of them must be there. None when there is too little to look for."""
    text = text.replace("\x00", " ").strip()[:LONGEST]
    return text.split()[:WORDS] if len(text) >= SHORTEST else []


def all_words(words: list[str], *columns: str) -> Q:
    """Return the condition that each word is somewhere in one of the columns."""
    found = Q()
    for word in words:
        anywhere = Q()
        for column in columns:
            anywhere |= Q(**{f"{column}__icontains": word})
        found &= anywhere
    return found


def find(gate: Gate, text: str) -> list[Group]:
    """Return what was found, by kind, at most `PER_KIND` of each, asking only what the person may open."""
    words = words_of(text)
    if not words:
        return []
    at_client = gate.standing.client is not None
    asked = [each for each in finders() if (each.at_client if at_client else each.at_portal)]
    groups = [_asked(gate, each, words) for each in asked if gate.may(each.action)]
    return [each for each in groups if each.found or each.late]


def _asked(gate: Gate, finder: Finder, words: list[str]) -> Group:
    try:
        with _in_time():
            return Group(finder.label, list(finder.of(gate, words, PER_KIND))[:PER_KIND])
    except OperationalError as error:
        # 57014: PostgreSQL stopped the statement.
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        return Group(finder.label, [], late=True)


@contextmanager
def _in_time() -> Iterator[Any]:
    """Bound each statement of the block; the savepoint keeps a stopped one from spoiling an outer transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("select set_config('statement_timeout', %s, true)", [str(MILLISECONDS)])
        yield
        cursor.execute("select set_config('statement_timeout', %s, true)", [before])
