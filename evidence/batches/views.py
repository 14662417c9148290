"""Pages about batches: what one holds, where it stands in the ledger, and its exact bytes."""

from collections.abc import Iterator
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode

from evidence.batches.models import Batch
from evidence.batches.objects import CHUNK, opened
from evidence.batches.selectors import Leaves, batches_of, leaves_of, wholly_within
from evidence.intake.models import Source
from evidence.intake.selectors import kind_of
from evidence.intake.views import PAGE, batch_row, rejected_row
from tenants.access.declare import action
from tenants.access.gate import Gate

_COLUMNS: Final = (
    {"label": "Batch", "priority": 1},
    {"label": "Received", "priority": 2},
    {"label": "Records", "numeric": True, "priority": 3},
    {"label": "Events", "numeric": True, "priority": 1},
    {"label": "Duplicates", "numeric": True, "priority": 4},
    {"label": "Rejected", "numeric": True, "priority": 1},
)
_REJECTED_COLUMNS: Final = (
    {"label": "Record", "priority": 1},
    {"label": "Reason", "priority": 1},
    {"label": "Begins with", "priority": 2},
)
_PILLS: Final = {
    Batch.State.SEALED: ("none", "sealed, not read yet"),
    Batch.State.RECORDED: ("met", "recorded"),
    Batch.State.REFUSED: ("deviation", "not recorded"),
}


@action("batch.read")
def batches(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the batches of a source, newest first; pages follow the batch's number, so nothing is counted."""
    gate: Gate = request.access
    source = get_object_or_404(Source, slug=slug)
    gate.check(source)
    before = request.GET.get("before", "")
    found = batches_of(source, gate.period)
    if before.isdecimal() and len(before) < 18:
        found = found.filter(pk__lt=int(before))
    page = list(found[: PAGE + 1])
    shown = page[:PAGE]
    kind = kind_of(source.slug)
    context = {
        "source": source,
        "kind": kind,
        "crumbs": [("Sources", reverse("sources")), (kind.title, reverse("source", args=[slug]))],
        "columns": _COLUMNS,
        "rows": [batch_row(each) for each in shown],
        "newest": bool(before),
        "older": f"?{urlencode({'before': shown[-1].pk})}" if len(page) > PAGE else "",
        "period": gate.period,
    }
    return render(request, "evidence/batches.html", context)


@action("batch.read")
def batch(request: HttpRequest, batch: int) -> HttpResponse:
    """Show one batch: its hash, receipts, counts, leaves, and what in it was rejected."""
    gate: Gate = request.access
    found = get_object_or_404(Batch.objects.select_related("source"), pk=batch)
    gate.check(found)
    kind = kind_of(found.source.slug)
    rejects = found.rejects.filter(resolved=False).order_by("seq", "code")
    paginator = Paginator(rejects, PAGE)
    page = paginator.get_page(request.GET.get("page"))
    whole = wholly_within(found, gate.period)
    for reject in page.object_list:
        reject.batch = found
    leaves = leaves_of(found)
    context = {
        "batch": found,
        "kind": kind,
        "pill": _PILLS[Batch.State(found.state)],
        "crumbs": [
            ("Sources", reverse("sources")),
            (kind.title, reverse("source", args=[found.source.slug])),
            ("Batches", reverse("batches", args=[found.source.slug])),
        ],
        "figures": _figures(found),
        "facts": _facts(found),
        "leaves": leaves,
        "proof_rows": _leaf_rows(leaves),
        "listings": _listings(found),
        "deliveries": [link.delivery for link in found.deliveries.select_related("delivery")[:PAGE]],
        "columns": _REJECTED_COLUMNS,
        "rows": [rejected_row(each, gate) for each in page.object_list],
        "page": page,
        "whole": whole,
        "raw_href": reverse("batch_raw", args=[found.pk])
        if whole and gate.allows(found, "event.raw")
        else "",
        "first_href": reverse("event", args=[found.pk, 0]) if found.records and whole else "",
    }
    return render(request, "evidence/batch.html", context)


def _listings(found: Batch) -> list[dict[str, Any]]:
    """Return what each listing record of a batch lists, in order: one row for accounts and grants together."""
    rows: dict[tuple[Any, int], list[str]] = {}
    for each in found.snapshots.order_by("at", "seq", "kind"):
        rows.setdefault((each.at, each.seq), []).append(f"{each.subjects:,} {each.kind}")
    return [
        {"at": at, "href": reverse("event", args=[found.pk, seq]), "what": " · ".join(what)}
        for (at, seq), what in rows.items()
    ]


def _figures(found: Batch) -> list[dict[str, Any]]:
    events = ""
    if found.events and found.first_event and found.last_event:
        events = f"{reverse('events')}?{urlencode({'batch': found.pk})}"
    return [
        {"value": found.records, "label": "records"},
        {"value": found.events, "label": "new events", "href": events},
        {"value": found.duplicates, "label": "duplicates: known before"},
        {
            "value": found.rejected,
            "label": "rejected",
            "tone": "attention" if found.rejected else "",
            "href": "#rejected" if found.rejected else "",
        },
        {
            "value": found.exceptions,
            "label": "exceptions opened",
            "tone": "deviation" if found.exceptions else "",
        },
    ]


def _facts(found: Batch) -> list[tuple[str, object]]:
    ratio = found.bytes_raw / found.bytes_stored if found.bytes_stored else 0
    return [
        ("Size", f"{found.bytes_raw:,} bytes, stored in {found.bytes_stored:,} (1 : {ratio:.1f})"),
        (
            "Read by",
            f"{found.adapter}, version {found.adapter_version}" if found.adapter_version else found.adapter,
        ),
        ("File", found.name or "pushed, without a name"),
    ]


def _leaf_rows(leaves: Leaves) -> list[tuple[str, str]]:
    return [
        ("Leaf of bytes", f"{leaves.batch.seq:,}" if leaves.batch else "none"),
        ("Leaf of records", f"{leaves.records.seq:,}" if leaves.records else "not recorded yet"),
    ]


@action("event.raw")
def raw(request: HttpRequest, batch: int) -> HttpResponseBase:
    """Answer a batch's exact bytes as an attachment; to an auditor only where all of it lies in the period."""
    gate: Gate = request.access
    found = get_object_or_404(Batch.objects.select_related("source"), pk=batch)
    gate.check(found)
    if not wholly_within(found, gate.period):
        raise Http404
    try:
        with opened(found.object_name) as stream:
            stream.read(1)
    except OSError:
        return bytes_missing(request, found)
    answer = StreamingHttpResponse(_chunks(found.object_name), content_type="application/octet-stream")
    answer["Content-Length"] = str(found.bytes_raw)
    return attached(answer, f"{found.source.slug}-batch-{found.pk}-{found.sha256[:12]}.bin")


def attached(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    """Make an answer of foreign bytes a download that no browser interprets."""
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def bytes_missing(request: HttpRequest, found: Batch) -> HttpResponse:
    """Say that the store does not hold what the ledger names: nobody but an operator can mend that."""
    return render(request, "evidence/bytes_missing.html", {"batch": found}, status=410)


def _chunks(name: str) -> Iterator[bytes]:
    with opened(name) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
