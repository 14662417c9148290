"""What auditors, and whoever was in by break-glass, read at a client: for the client, and to each their own."""

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate
from tenants.access.models import ReadLogEntry
from tenants.access.policy import judged, words_of
from tenants.clients.period import Period
from tenants.members.models import User

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "When", "key": "", "priority": 1},
    {"label": "Who", "key": "", "priority": 1},
    {"label": "What", "key": "", "priority": 1},
    {"label": "As", "key": "", "priority": 3},
    {"label": "Answer", "key": "", "priority": 2},
    {"label": "Bytes", "key": "", "numeric": True, "priority": 3},
)
_ANSWERS: Final = {200: "sent", 304: "not changed", 403: "refused", 404: "not found", 500: "failed"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The filters of the page, as far as they make sense; nonsense is no filter."""

    person: uuid.UUID | None
    day: datetime.date | None
    entry: uuid.UUID | None

    @property
    def query(self) -> dict[str, str]:
        values = {"person": self.person, "day": self.day, "entry": self.entry}
        return {name: str(value) for name, value in values.items() if value is not None}


def _asked(request: HttpRequest) -> _Asked:
    def read(name: str, kind: Any) -> Any:
        try:
            return kind(request.GET.get(name, ""))
        except ValueError:
            return None

    return _Asked(
        read("person", uuid.UUID), read("day", datetime.date.fromisoformat), read("entry", uuid.UUID)
    )


def _found(request: HttpRequest, asked: _Asked) -> tuple[QuerySet[ReadLogEntry], QuerySet[ReadLogEntry]]:
    """Return all entries that this person may see, and those that were asked for."""
    gate: Gate = request.access
    everything = ReadLogEntry.objects.filter(client=request.client)
    if not judged(gate.standing, gate.action):
        assert isinstance(request.user, User)
        everything = everything.filter(user=request.user)
    found = everything.select_related("user", "engagement", "breakglass").order_by("-time", "-pk")
    if asked.person is not None:
        found = found.filter(user=asked.person)
    if asked.entry is not None:
        found = found.filter(breakglass=asked.entry)
    if asked.day is not None:
        day = Period(asked.day, asked.day, request.client.tzinfo)
        found = found.filter(time__gte=day.begins_at, time__lt=day.ends_before)
    return everything, found


@action("readlog.read")
def readlog(request: HttpRequest) -> HttpResponse:
    """List reads, newest first, of one person or on one day."""
    gate: Gate = request.access
    asked = _asked(request)
    everything, found = _found(request, asked)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    people = User.objects.filter(pk__in=everything.order_by().values("user").distinct()).order_by(
        "full_name", "pk"
    )
    query = asked.query
    context = {
        "rows": [_row(each) for each in gate.only(page.object_list)],
        "page": page,
        "columns": _COLUMNS,
        "people": people,
        "asked": asked,
        "filtered": bool(query),
        "csv_href": f"{reverse('readlog_csv')}?{urlencode(query)}".rstrip("?"),
    }
    return render(request, "tenants/settings/readlog.html", context)


@action("readlog.read")
def readlog_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the same as CSV."""
    gate: Gate = request.access
    asked = _asked(request)
    _, found = _found(request, asked)
    head = ("time_utc", "person", "mail", "as", "action", "address", "status", "bytes")
    name = "-".join(["access-log", *(str(value) for value in asked.query.values())])
    return csv_answer(f"{name}.csv", head, _lines(gate, found))


def _lines(gate: Gate, found: QuerySet[ReadLogEntry]) -> Iterator[tuple[object, ...]]:
    gate.only(())  # asked here as well: the rows themselves are asked about one by one, as they leave
    for each in found.iterator(chunk_size=500):
        if gate.allows(each):
            moment = each.time.astimezone(datetime.UTC).isoformat(timespec="seconds")
            yield (
                moment, str(each.user), each.user.email, _as(each), each.action, each.path, each.status, each.size,
            )  # fmt: skip


def _row(entry: ReadLogEntry) -> dict[str, Any]:
    return {
        "entry": entry,
        "words": words_of(entry.action) if entry.action else "no such page",
        "as": _as(entry),
        "answer": _ANSWERS.get(entry.status, "led on" if 300 <= entry.status < 400 else str(entry.status)),
    }


def _as(entry: ReadLogEntry) -> str:
    return str(entry.engagement) if entry.engagement is not None else "break-glass"
