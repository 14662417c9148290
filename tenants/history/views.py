"""The history of hand edits at a client: who changed what, when, from where."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date

from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.history.selectors import EVERYTHING, OUTSIDE, SYSTEM, Asked, changes, people_in
from tenants.history.tracking import thing_called, things
from tenants.history.words import OUTSIDE_WORDS, Change, in_words
from tenants.members.selectors import names_of

PAGE: Final = 50
# Rows of a CSV that are put into words together.
_CHUNK: Final = 500
_COLUMNS: Final = (
    {"label": "What", "key": "", "priority": 1},
    {"label": "Change", "key": "", "priority": 1},
    {"label": "Who", "key": "", "priority": 2},
    {"label": "From", "key": "", "priority": 3},
    {"label": "When", "key": "", "priority": 2},
)
_CSV: Final = (
    "time", "what", "name", "act", "field", "before", "after", "who", "role", "way", "address", "path",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for, as typed; a day that is none, or a thing that is not kept, asks for nothing."""

    person: str
    thing: str
    ref: str
    first: datetime.date | None
    last: datetime.date | None

    @classmethod
    def of(cls, request: HttpRequest) -> "Filters":
        """Read the address."""
        typed = {name: request.GET.get(name, "").replace("\x00", "")[:64] for name in request.GET}
        thing = typed.get("thing", "")
        thing = thing if thing_called(thing) else ""
        return cls(
            person=typed.get("person", ""),
            thing=thing,
            ref=typed.get("ref", "") if thing else "",
            first=_day(typed.get("from", "")),
            last=_day(typed.get("to", "")),
        )

    def asked(self, zone: datetime.tzinfo) -> Asked:
        """Return the question: days are the client's."""
        return Asked(
            person=self.person,
            thing=self.thing,
            ref=self.ref,
            since=datetime.datetime.combine(self.first, datetime.time(), zone) if self.first else None,
            before=(
                datetime.datetime.combine(self.last + datetime.timedelta(days=1), datetime.time(), zone)
                if self.last
                else None
            ),
        )

    @property
    def query(self) -> str:
        """The filters as an address carries them."""
        chosen = {
            "person": self.person,
            "thing": self.thing,
            "ref": self.ref,
            "from": self.first,
            "to": self.last,
        }
        return urlencode({name: value for name, value in chosen.items() if value})


def _day(text: str) -> datetime.date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    # The day after the last one must exist, and years of a calendar's edge are nobody's.
    return found if found is not None and 1970 <= found.year <= 9000 else None


@action("history.read")
def history(request: HttpRequest) -> HttpResponse:
    """List the changes made by hand, newest first."""
    client, filters = request.client, Filters.of(request)
    page = Paginator(changes(client, filters.asked(client.tzinfo)), PAGE).get_page(request.GET.get("page"))
    rows = in_words(page.object_list)
    context: dict[str, Any] = {
        "rows": rows,
        "page": page,
        "columns": _COLUMNS,
        "filters": filters,
        "people": _people(request, filters),
        "things": [thing.word for thing in things()],
        "csv_href": f"{reverse('history_csv')}?{filters.query}".removesuffix("?"),
    }
    return render(request, "tenants/history.html", context)


def _people(request: HttpRequest, filters: Filters) -> list[tuple[str, str]]:
    names = sorted((name, str(key)) for key, name in names_of(people_in(request.client)).items())
    return [
        ("", "By hand, whoever"),
        *((key, name) for name, key in names),
        (OUTSIDE, OUTSIDE_WORDS.capitalize()),
        (SYSTEM, "The system"),
        (EVERYTHING, "By hand or the system"),
    ]


@action("history.read")
def history_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the same changes as CSV, one line per field."""
    client = request.client
    found = changes(client, Filters.of(request).asked(client.tzinfo))
    return csv_answer(f"history-{client.slug}.csv", _CSV, _lines(found))


def _lines(found: Any) -> Iterator[tuple[object, ...]]:
    rows = found.iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        for each in in_words(chunk):
            yield from _of(each)


def _of(each: Change) -> Iterator[tuple[object, ...]]:
    at = each.at.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    head = (at, each.word, each.name, each.did)
    tail = (each.who, each.role, each.way, each.address, each.path)
    for line in each.lines:
        yield (*head, line.label, line.before, line.after, *tail)
    if not each.lines:
        yield (*head, "", "", "", *tail)
