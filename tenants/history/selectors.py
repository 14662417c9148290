"""Reading what the triggers kept: the changes of one client, over all tracked tables, newest first."""

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import CharField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, JSONObject

from tenants.clients.models import Client
from tenants.history.tracking import Thing, things

OUTSIDE: Final = "outside"
SYSTEM: Final = "system"
EVERYTHING: Final = "all"
_COLUMNS: Final = ("pgh_created_at", "pgh_id", "pgh_label", "pgh_context", "pgh_before", "word", "ref", "now")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the history is wanted; an empty value leaves nothing out, but for `person`.

    `person` is a user's id, `outside` (no context: SQL past the portal), `system` (a command or task without a
    person), `all` of them, or empty: what was done by hand, by people or outside the portal. `thing` is a tracked
    word and `ref` the key of one such thing; the instants bound it as [`since`, `before`).
    """

    person: str = ""
    thing: str = ""
    ref: str = ""
    since: datetime.datetime | None = None
    before: datetime.datetime | None = None


def changes(client: Client, asked: Asked) -> QuerySet[Any, dict[str, Any]]:
    """Return the rows of history (dictionaries by `_COLUMNS`), newest first, in one query.

    The client's own tables are read where the connection is; of `public`'s, the client's rows alone.
    """
    wanted = [thing for thing in things() if asked.thing in ("", thing.word)]
    first, *rest = [_of(thing, client, asked).values(*_COLUMNS) for thing in wanted]
    return first.union(*rest, all=True).order_by("-pgh_created_at", "-pgh_id", "word")


def people_in(client: Client) -> set[uuid.UUID]:
    """Return everybody who ever changed something of the client, in one query."""
    asked = Asked(person=EVERYTHING)
    first, *rest = [_of(t, client, asked).order_by().values_list("pgh_context__user") for t in things()]
    return {uuid.UUID(key) for (key,) in first.union(*rest) if key}


def fields_of(thing: Thing) -> list[Any]:
    """Return the fields whose values a history row holds, but for its key and its client."""
    hidden = {"id", "client", "tenant", "schema_name"} - {thing.name}
    return [
        field
        for field in thing.history._meta.concrete_fields
        if not field.name.startswith("pgh_") and field.name not in hidden
    ]


def _of(thing: Thing, client: Client, asked: Asked) -> QuerySet[Any]:
    found = thing.history._default_manager.all()
    if thing.client is not None:
        found = found.filter(**{thing.client: client.pk})
    found = _by(found, asked.person)
    if asked.since is not None:
        found = found.filter(pgh_created_at__gte=asked.since)
    if asked.before is not None:
        found = found.filter(pgh_created_at__lt=asked.before)
    key = Cast("pgh_obj_id", TextField())
    found = found.annotate(
        word=Value(thing.word, output_field=CharField()),
        ref=key,
        now=JSONObject(**{field.column: field.column for field in _kept(thing)}),
    )
    return found.filter(ref=asked.ref) if asked.ref else found


def _by(found: QuerySet[Any], person: str) -> QuerySet[Any]:
    by_system = Q(pgh_context__isnull=False, pgh_context__user=None)
    if person == EVERYTHING:
        return found
    if person == SYSTEM:
        return found.filter(by_system)
    if person == OUTSIDE:
        return found.filter(pgh_context__isnull=True)
    if person:
        return found.filter(pgh_context__user=person)
    return found.filter(Q(pgh_context__isnull=True) | ~Q(pgh_context__user=None))


def _kept(thing: Thing) -> Iterable[Any]:
    return [f for f in thing.history._meta.concrete_fields if not f.name.startswith("pgh_")]
