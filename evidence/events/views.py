"""Pages about events: the list, one record normalized beside its bytes, its proof."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from evidence.batches.models import Batch
from evidence.batches.selectors import Leaves, leaves_of, wholly_within
from evidence.batches.showing import readable, shown
from evidence.batches.views import attached, bytes_missing
from evidence.events.models import Event as EventRow
from evidence.events.normalized import class_words, columns, paths
from evidence.events.parts import event_page, parts_of
from evidence.events.selectors import (
    Record,
    account_names,
    events_of,
    facts_at,
    key_of,
    key_text,
    newest_event,
    older_than,
    record_of,
)
from evidence.intake.models import Source
from evidence.intake.selectors import kind_of
from evidence.ledger.services import leaf_hashes
from evidence.ledger.tree import Tree
from evidence.ocsf.classes import STATUSES
from tenants.access.declare import action
from tenants.access.export import csv_answer
from tenants.access.gate import Gate
from tenants.clients.period import Period
from tenants.templatetags.frame import day as day_words

PAGE: Final = 50
DAYS: Final = 30
MOST_DAYS: Final = 366
# A longer action is cut in the list; the event has all of it.
LONGEST: Final = 48
# Where a long name may be broken: before a capital in it, and after a mark.
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[.:/_])")
_COLUMNS: Final = (
    {"label": "Time", "priority": 1},
    {"label": "Action", "priority": 1},
    {"label": "Actor", "priority": 1},
    {"label": "Target", "priority": 3},
    {"label": "From", "priority": 3},
    {"label": "Class", "priority": 4},
    {"label": "Status", "priority": 2},
)


class _Asked:
    """What the address asks of the list: sources, days, words; every wrong value falls back to the default."""

    def __init__(self, request: HttpRequest, gate: Gate) -> None:
        self._given = request.GET
        self.sources = gate.only(Source.objects.order_by("slug"))
        slug = self._word("source")
        self.source = next((each for each in self.sources if each.slug == slug), None)
        self.action = self._word("action")
        self.actor = self._word("actor")
        self.batch = self._batch(gate)
        self.note = ""
        self.within = self._period(gate)

    def _word(self, name: str) -> str:
        return self._given.get(name, "").replace("\x00", "").strip()[:200]

    def _batch(self, gate: Gate) -> Batch | None:
        text = self._word("batch")
        if not text.isdecimal() or len(text) > 18:
            return None
        found = Batch.objects.select_related("source").filter(pk=int(text)).first()
        return found if found is not None and gate.allows(found) else None

    def _day(self, name: str) -> date | None:
        try:
            return date.fromisoformat(self._word(name))
        except ValueError:
            if self._word(name):
                self.note = f"“{self._word(name)}” is no day, so it was left out. Write it as 2026-10-31."
            return None

    def _period(self, gate: Gate) -> Period:
        zone = timezone.get_current_timezone()
        bound = gate.period
        first, last = self._day("from"), self._day("to")
        if self.batch is not None and self.batch.first_event and self.batch.last_event and not first:
            first = self.batch.first_event.astimezone(zone).date()
            last = self.batch.last_event.astimezone(zone).date()
        if last is None:
            last = timezone.localdate() if first else self._newest(bound)
        if first is None:
            first = last - timedelta(days=DAYS - 1)
        if last < first:
            first, last = last, first
        if bound is not None:
            if last < bound.start or first > bound.end:
                first, last = bound.start, bound.end
                self.note = "Those days lie outside the engagement’s period, which is shown instead."
            first, last = max(first, bound.start), min(last, bound.end)
        if (last - first).days >= MOST_DAYS:
            first = last - timedelta(days=MOST_DAYS - 1)
            self.note = f"At most {MOST_DAYS} days are shown at once: these are the last of them."
        return Period(first, last, zone)

    def _newest(self, bound: Period | None) -> date:
        if bound is not None:
            return min(bound.end, max(timezone.localdate(), bound.start))
        newest = newest_event(self.sources)
        return timezone.localtime(newest).date() if newest else timezone.localdate()

    def found(self) -> QuerySet[EventRow]:
        """Return the events that were asked for, newest first."""
        rows = events_of([self.source] if self.source else self.sources, self.within)
        if self.batch is not None:
            rows = rows.filter(batch=self.batch.pk)
        if self.action:
            rows = rows.filter(action__icontains=self.action)
        if self.actor:
            rows = rows.filter(actor_key__icontains=self.actor)
        return rows

    def kept(self, **changes: str) -> str:
        """Return the query string of the same list with some values changed."""
        words = {
            "source": self.source.slug if self.source else "",
            "batch": str(self.batch.pk) if self.batch else "",
            "action": self.action,
            "actor": self.actor,
            "from": self.within.start.isoformat(),
            "to": self.within.end.isoformat(),
        } | changes
        return urlencode({name: value for name, value in words.items() if value})


@action("event.read")
def events(request: HttpRequest) -> HttpResponse:
    """Show events of a range of days, newest first; a page goes on from the last key, nothing is counted."""
    gate: Gate = request.access
    asked = _Asked(request, gate)
    rows = asked.found()
    key = key_of(request.GET.get("after", ""))
    if key is not None:
        rows = older_than(rows, key)
    page = list(rows[: PAGE + 1])
    listed = page[:PAGE]
    names = account_names(each.actor_key for each in listed)
    titles = {each.pk: kind_of(each.slug).title for each in asked.sources}
    chips = []
    if len(asked.sources) > 1:
        everything = f"?{asked.kept(source='')}"
        chips = [{"label": "All sources", "count": None, "href": everything, "current": asked.source is None}]
        chips += [
            {
                "label": titles[each.pk],
                "count": None,
                "href": f"?{asked.kept(source=each.slug)}",
                "current": each == asked.source,
            }
            for each in asked.sources
        ]
    context = {
        "asked": asked,
        "crumbs": [("Sources", reverse("sources"))],
        "chips": chips,
        "columns": _COLUMNS,
        "rows": [_row(each, names) for each in listed],
        "first": bool(key),
        "newest": f"?{asked.kept()}",
        "older": f"?{asked.kept(after=key_text(listed[-1]))}" if len(page) > PAGE else "",
        "csv_href": f"{reverse('events_csv')}?{asked.kept()}",
        "days": f"{day_words(asked.within.start)} – {day_words(asked.within.end)}",
        "filtered": bool(asked.action or asked.actor or asked.batch),
        "clear": f"?{asked.kept(action='', actor='', batch='')}",
        "connected": bool(asked.sources),
        "can_connect": gate.may("source.connect"),
        "bound": gate.period,
    }
    return render(request, "evidence/events.html", context)


def _row(each: EventRow, names: dict[str, str]) -> dict[str, Any]:
    words = readable(each.action.encode())
    return {
        "event": each,
        "href": reverse("event", args=[each.batch_id, each.seq]),
        "class": class_words(each.class_uid, each.activity_id),
        "status": STATUSES.get(each.status_id, str(each.status_id)),
        "tone": {1: "", 2: "attention"}.get(each.status_id, "unknown"),
        "action": words,
        "parts": _HUMP.split(words if len(words) <= LONGEST else f"{words[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"),
        "long": len(words) > LONGEST,
        "name": names.get(each.actor_key, ""),
        "actor": readable(each.actor_key.encode()),
        "target": readable(each.target_key.encode()),
    }


@action("event.read")
def events_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer the same list as CSV, all of it, in UTC."""
    asked = _Asked(request, request.access)
    slugs = {each.pk: each.slug for each in asked.sources}
    head = (
        "time", "source", "action", "actor", "target", "src_ip", "class_uid", "activity_id", "status_id",
        "severity_id", "batch", "seq", "uid",
    )  # fmt: skip
    name = f"events-{asked.within.start}-{asked.within.end}.csv"
    return csv_answer(name, head, _lines(asked.found(), slugs))


def _lines(rows: QuerySet[EventRow], slugs: dict[int, str]) -> Iterator[tuple[object, ...]]:
    for e in rows.iterator(chunk_size=2000):
        yield (
            e.time.isoformat(timespec="microseconds").replace("+00:00", "Z"), slugs[e.source_id], e.action,
            e.actor_key, e.target_key, e.src_ip, e.class_uid, e.activity_id, e.status_id, e.severity_id,
            e.batch_id, e.seq, bytes(e.uid).hex(),
        )  # fmt: skip


# One record ─────────────────────────────────────────────────────────────────────────────────────────


def batch_for(gate: Gate, number: int) -> Batch:
    """Return a batch that may be shown; absent and foreign are 404 alike."""
    found = get_object_or_404(Batch.objects.select_related("source"), pk=number)
    gate.check(found)
    return found


def record_for(gate: Gate, batch: Batch, seq: int) -> Record:
    """Return a record that may be shown: an event by its own time, anything else by its whole batch.

    Raises OSError where the bytes are missing.
    """
    try:
        record = record_of(batch, seq)
    except LookupError as error:
        raise Http404 from error
    if record.event is not None:
        gate.check(record.row or EventRow(time=record.event.time, source=batch.source))
    elif not wholly_within(batch, gate.period):
        raise Http404
    return record


@action("event.read")
def event(request: HttpRequest, batch: int, seq: int) -> HttpResponse:
    """Show one record of a batch: what we read beside what was received, facts, rules, proof."""
    gate: Gate = request.access
    found = batch_for(gate, batch)
    try:
        record = record_for(gate, found, seq)
    except OSError:
        return bytes_missing(request, found)
    kind = kind_of(found.source.slug)
    text, note = (
        (readable(record.raw), f"{len(record.raw):,} bytes") if "exact" in request.GET else shown(record.raw)
    )
    leaves = leaves_of(found)
    context: dict[str, Any] = {
        "batch": found,
        "seq": seq,
        "kind": kind,
        "record": record,
        "crumbs": [
            ("Sources", reverse("sources")),
            (kind.title, reverse("source", args=[found.source.slug])),
            (f"Batch {found.sha256[:12]}", reverse("batch", args=[found.pk])),
        ],
        "raw": text,
        "raw_note": note,
        "exact": "exact" in request.GET,
        "sha256": hashlib.sha256(record.raw).hexdigest(),
        "leaves": leaves,
        "root": record.root.hex(),
        "agrees": bool(leaves.records) and _root_of(leaves) == record.root.hex(),
        "path": [sibling.hex() for sibling in record.proven.path],
        "previous": seq - 1 if seq else None,
        "next": seq + 1 if seq + 1 < record.proven.records else None,
        "raw_href": reverse("event_raw", args=[batch, seq]) if gate.may("event.raw") else "",
        "parts": [] if record.rejected else parts_of(event_page, batch=found, seq=seq, gate=gate),
        "listings": found.snapshots.filter(seq=seq).order_by("kind"),
    }
    if record.event is not None:
        names = account_names([record.event.actor_key, record.event.target_key])
        context |= {
            "event": record.event,
            "utc": record.event.time.isoformat().replace("+00:00", "Z"),
            "columns": [
                (name, _safe(value), _safe(names.get(str(value), "")))
                for name, value in columns(record.event)
            ],
            "paths": [(path, _safe(value)) for path, value in paths(record.event)],
            "same_bytes": record.row is not None
            and bytes(record.row.digest) == hashlib.sha256(record.raw).digest()[:8],
        }
        if gate.may("inventory.read") or gate.allows(found, "inventory.read"):
            context["known"] = facts_at(record)
    return render(request, "evidence/event.html", context)


def _safe(value: object) -> object:
    return readable(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else value


def _root_of(leaves: Leaves) -> str:
    assert leaves.records is not None
    return str(json.loads(bytes(leaves.records.leaf))["sha256"])


@action("event.raw")
def raw(request: HttpRequest, batch: int, seq: int) -> HttpResponseBase:
    """Answer the exact bytes of one record as an attachment."""
    gate: Gate = request.access
    found = batch_for(gate, batch)
    try:
        record = record_for(gate, found, seq)
    except OSError:
        return bytes_missing(request, found)
    answer = HttpResponse(record.raw, content_type="application/octet-stream")
    return attached(answer, f"{found.source.slug}-{found.sha256[:12]}-{seq}.bin")


@action("event.read")
def proof(request: HttpRequest, batch: int, seq: int) -> HttpResponseBase:
    """Answer the proof of one record as JSON: from its bytes to the batch's root, and on to the last signed head."""
    gate: Gate = request.access
    found = batch_for(gate, batch)
    try:
        record = record_for(gate, found, seq)
    except OSError:
        return bytes_missing(request, found)
    leaves = leaves_of(found)
    answer = HttpResponse(json.dumps(_proof(record, leaves), indent=2), content_type="application/json")
    return attached(answer, f"{found.source.slug}-{found.sha256[:12]}-{seq}-proof.json")


def _proof(record: Record, leaves: Leaves) -> dict[str, Any]:
    told: dict[str, Any] = {
        "client": str(connection.tenant.id),
        "batch": {"number": record.batch.pk, "sha256": record.batch.sha256, "bytes": record.batch.bytes_raw},
        "record": {
            "index": record.seq,
            "records": record.proven.records,
            "sha256": hashlib.sha256(record.raw).hexdigest(),
            "path": [_base64(sibling) for sibling in record.proven.path],
            "root": _base64(record.root),
        },
    }
    if leaves.records is not None:
        told["leaf"] = {"seq": leaves.records.seq, "bytes": _base64(bytes(leaves.records.leaf))}
        if leaves.signed and leaves.head is not None:
            tree = Tree(leaf_hashes(0, leaves.head.size))
            told["leaf"]["path"] = [_base64(sibling) for sibling in tree.inclusion(leaves.records.seq)]
            told["head"] = leaves.head.note
    return told


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
