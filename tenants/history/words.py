"""One row of history in words: what changed, from what to what, who did it, from where."""

import datetime
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from tenants.access.policy import role_words
from tenants.engagements.models import Engagement
from tenants.history.selectors import fields_of
from tenants.history.tracking import Thing, thing_called
from tenants.members.models import Role, User
from tenants.members.selectors import names_of

OUTSIDE_WORDS: Final = "outside the portal"
NOTHING: Final = "—"
_DID: Final = {"insert": "made", "update": "changed", "delete": "removed"}
_WAYS: Final = {
    "page": "by a page",
    "admin": "in the admin",
    "api": "by the API",
    "command": "by a command",
    "task": "by a task",
}
# Columns of the client's own tables that hold a person, who has no foreign key there.
_PEOPLE: Final = frozenset({"owner", "by", "approver"})


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a change; `before` is None for what was made, `after` for what was removed."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as the page and the CSV show it."""

    at: datetime.datetime
    did: str
    word: str
    name: str
    ref: str
    href: str
    lines: tuple[Line, ...]
    who: str
    role: str
    way: str
    address: str
    path: str
    outside: bool

    @property
    def folded(self) -> bool:
        """Whether its values are many and none of them changed: what was made or removed."""
        return self.did != _DID["update"] and len(self.lines) > 3


def in_words(rows: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Put rows of `changes` into words, with two more queries for all names in them together."""
    rows = list(rows)
    names = _Names(rows)
    return [_change(row, names) for row in rows]


class _Names:
    """Names of the people and engagements that rows mention."""

    def __init__(self, rows: list[Mapping[str, Any]]) -> None:
        people: set[uuid.UUID] = set()
        engagements: set[uuid.UUID] = set()
        for row in rows:
            people |= _ids([(row["pgh_context"] or {}).get("user")])
            for field in fields_of(_thing(row)):
                values = [row["now"].get(field.column), (row["pgh_before"] or {}).get(field.column)]
                if is_person(field):
                    people |= _ids(values)
                elif field.related_model is Engagement:
                    engagements |= _ids(values)
        self.people = names_of(people)
        self.engagements = (
            {e.pk: str(e) for e in Engagement.objects.filter(pk__in=engagements)} if engagements else {}
        )

    def of(self, field: Any, value: Any) -> str:
        """Return a value in words."""
        if value in (None, "", [], {}):
            return NOTHING
        if is_person(field) or field.related_model is Engagement:
            known = self.people if is_person(field) else self.engagements
            return next((known[key] for key in _ids([value]) if key in known), str(value))
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        return _plain(field, value)


def is_person(field: Any) -> bool:
    """Tell whether a field of a history row holds a person's id."""
    return field.related_model is User or (isinstance(field, models.UUIDField) and field.name in _PEOPLE)


def _thing(row: Mapping[str, Any]) -> Thing:
    thing = thing_called(row["word"])
    assert thing is not None
    return thing


def _ids(values: Iterable[Any]) -> set[uuid.UUID]:
    found = set()
    for value in values:
        try:
            found.add(uuid.UUID(str(value)))
        except ValueError:
            continue
    return found


def _plain(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, models.DateTimeField):
        return f"{timezone.localtime(datetime.datetime.fromisoformat(value)):%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')}: {_plain(None, each)}" for key, each in value.items())
    return str(value)


def _change(row: Mapping[str, Any], names: _Names) -> Change:
    thing = _thing(row)
    context = row["pgh_context"]
    fields = fields_of(thing)
    named = next(field for field in fields if field.name == thing.name)
    person = _ids([(context or {}).get("user")])
    who = next((names.people.get(key, "somebody who is gone") for key in person), "the system")
    told = context if isinstance(context, dict) else {}
    return Change(
        at=row["pgh_created_at"],
        did=_DID.get(row["pgh_label"], row["pgh_label"]),
        word=thing.word,
        name=names.of(named, row["now"].get(named.column)),
        ref=row["ref"],
        href=_href(thing, row["now"]),
        lines=tuple(_lines(row, fields, names)),
        who=OUTSIDE_WORDS if context is None else who,
        role=" · ".join(_role(role) for role in str(told.get("role") or "").split()),
        way=_WAYS.get(str(told.get("way")), ""),
        address=str(told.get("address") or ""),
        path=str(told.get("path") or ""),
        outside=context is None,
    )


def _role(role: str) -> str:
    return role_words(role) if role in Role.values else role


def _href(thing: Thing, now: Mapping[str, Any]) -> str:
    if thing.page is None:
        return ""
    url, column = thing.page
    try:
        return reverse(url, args=[now.get(column)])
    except NoReverseMatch:
        return ""


def _lines(row: Mapping[str, Any], fields: Iterable[Any], names: _Names) -> Iterable[Line]:
    """The fields that differ; of what was made or removed, those that say something."""
    label, before, now = row["pgh_label"], row["pgh_before"] or {}, row["now"]
    for field in fields:
        words = str(field.verbose_name).capitalize()
        value = now.get(field.column)
        if label == "update":
            was = before.get(field.column)
            if was != value:
                yield Line(words, names.of(field, was), names.of(field, value))
        elif value not in (None, "", [], {}):
            told = names.of(field, value)
            yield Line(words, told, None) if label == "delete" else Line(words, None, told)
