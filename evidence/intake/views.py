"""Pages about sources: what was heard of each, and the ways in."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import TooManyFilesSent
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.selectors import batches_of, rejected_of, wholly_within
from evidence.batches.showing import readable
from evidence.coverage.states import DayState, State
from evidence.coverage.strips import EVENTS, Strip, by_day, by_week, words
from evidence.events.parts import delivery_page, parts_of
from evidence.intake.deliveries import Outcome, outcome
from evidence.intake.forms import FILES, UploadForm
from evidence.intake.hint import hint_intake
from evidence.intake.models import Delivery, IntakeToken, Source
from evidence.intake.selectors import (
    MONTH,
    YEAR,
    Heard,
    deliveries_of,
    given_together,
    heard_of,
    kind_of,
    window,
)
from evidence.intake.services import Refused, receive_file
from evidence.intake.sources import TOKEN_LIFE, connect, issue_token, revoke_token
from evidence.sources.registry import adapters, contract
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.access.policy import Refused as NotAllowed
from tenants.members.selectors import names_of
from tenants.members.stepup import ask_again
from tenants.templatetags.frame import day as day_words
from tenants.templatetags.frame import span

PAGE: Final = 50
# Batches and files on the source's own page; the rest is one click away.
RECENT: Final = 8
# A file that no worker has taken after so many seconds: the sweep comes each minute, so something is down.
NOT_TAKEN: Final = 90
WAYS: Final = {
    "push": "HTTP push",
    "upload": "upload",
    "command": "command line",
    "object_store": "object store",
    "pull": "pull",
}
# The ways in that exist; a source names those that it will have too.
BUILT: Final = ("push", "upload", "command")
ENDS_SOON: Final = timedelta(days=14)
# Commands by title: CURL begins a call that shows the token, ADDRESS is where it goes.
SNIPPETS: Final = (
    (
        "One JSON record on each line",
        "CURL -H 'Content-Type: application/x-ndjson' \\\n  --data-binary @events.ndjson \\\n  'ADDRESS'",
    ),
    (
        "The same, packed on the way",
        (
            "gzip --stdout events.ndjson \\\n| CURL -H 'Content-Type: application/x-ndjson' \\\n"
            "  -H 'Content-Encoding: gzip' \\\n  --data-binary @- \\\n  'ADDRESS'"
        ),
    ),
)
# What else the source's own tools can send.
VENDOR_SNIPPETS: Final = {
    "aws": (
        (
            "A CloudTrail log file as it lies in its bucket",
            (
                "aws s3 cp s3://BUCKET/KEY.json.gz - \\\n| CURL -H 'Content-Encoding: gzip' \\\n"
                "  --data-binary @- \\\n  'ADDRESS'"
            ),
        ),
        (
            "The accounts and their rights, once a day",
            (
                "aws iam get-account-authorization-details \\\n  --output json \\\n"
                "| CURL -H 'Content-Type: application/json' \\\n  --data-binary @- \\\n  'ADDRESS'"
            ),
        ),
    ),
}

_SOURCE_COLUMNS: Final = (
    {"label": "Source", "priority": 1},
    {"label": "State", "priority": 1},
    {"label": "Last event", "priority": 2},
    {"label": "30 days", "priority": 3},
    {"label": "Events, 30 days", "numeric": True, "priority": 3},
    {"label": "Rejected", "numeric": True, "priority": 1},
)
_BATCH_COLUMNS: Final = (
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
_DAY_COLUMNS: Final = (
    {"label": "Day", "priority": 1},
    {"label": "Events", "priority": 1},
    {"label": "Count", "numeric": True, "priority": 1},
    {"label": "Duplicates", "numeric": True, "priority": 3},
    {"label": "Rejected", "numeric": True, "priority": 2},
    {"label": "Account listings", "priority": 1},
)
_DELIVERY_COLUMNS: Final = (
    {"label": "File", "priority": 1},
    {"label": "State", "priority": 1},
    {"label": "Records", "numeric": True, "priority": 2},
    {"label": "Events", "numeric": True, "priority": 1},
    {"label": "Duplicates", "numeric": True, "priority": 3},
    {"label": "Rejected", "numeric": True, "priority": 1},
)
STATE_PILLS: Final = {
    State.COVERED: ("met", "heard"),
    State.PROVEN_ZERO: ("met", "heard, none"),
    State.GAP: ("unknown", "nothing received"),
    State.UNKNOWN: ("none", "not settled"),
    State.NOT_IN_SCOPE: ("none", "not in scope"),
}


# The list ───────────────────────────────────────────────────────────────────────────────────────────


@action("source.read")
def sources(request: HttpRequest) -> HttpResponse:
    """Show every source of the client: what was heard, what is missing, what waits."""
    gate: Gate = request.access
    found = gate.only(Source.objects.order_by("slug"))
    heard = _heard(gate, found)
    return render(
        request,
        "evidence/sources.html",
        {
            "columns": _SOURCE_COLUMNS,
            "rows": [source_row(each) for each in heard],
            "months": [strip for each in heard for strip in strips(each, by_week)],
            "days": [strip for each in heard for strip in strips(each, by_day, last=MONTH)],
            "ends": _ends(heard),
            "available": _available({each.slug for each in found}),
            "period": gate.period,
        },
    )


def _heard(gate: Gate, found: list[Source]) -> list[Heard]:
    within = window(
        YEAR, today=timezone.localdate(), period=gate.period, zone=timezone.get_current_timezone()
    )
    return heard_of(found, within, bound=gate.period, at=gate.at)


def source_row(heard: Heard) -> dict[str, Any]:
    """Return what the table of sources shows of one."""
    tone, text = source_state(heard)
    slug = heard.source.slug
    return {
        "heard": heard,
        "href": reverse("source", args=[slug]),
        "tone": tone,
        "state": text,
        "rejected_href": reverse("rejected", args=[slug]),
        "events_href": f"{reverse('events')}?{urlencode({'source': slug})}",
        "act": bool(heard.rejected or heard.refused),
    }


def source_state(heard: Heard) -> tuple[str, str]:
    """Say in a word or two how a source is, with its tone."""
    if heard.source.state != Source.State.ACTIVE:
        return "attention", heard.source.get_state_display()
    if heard.refused:
        return "deviation", "Not recorded"
    if heard.last_event is None and heard.last_day is None:
        return "none", "Nothing yet"
    if heard.silence:
        return "unknown", f"Silent {span(heard.silence)}"
    return "met", "Heard"


def strips(heard: Heard, draw: Any, *, last: int = YEAR, name: str = "") -> list[Strip]:
    """Return two rows of a heat map: of a source's events, and of its account listings."""
    href = reverse("coverage", args=[heard.source.slug])
    return [
        draw(heard.days[-last:], name=name or heard.name, href=href, noun=EVENTS, day=day_words),
        draw(heard.listings[-last:], name="Account listings", href=href, noun="listings", day=day_words),
    ]


def _ends(heard: list[Heard]) -> dict[str, str]:
    """Return the words at both ends of the heat maps."""
    if not heard:
        return {}
    days = [each.local_date for each in heard[0].days]
    today = timezone.localdate()
    return {
        "year": day_words(days[0]),
        "month": day_words(days[-MONTH:][0]),
        "last": "today" if days[-1] == today else day_words(days[-1]),
    }


def _available(connected: set[str]) -> list[dict[str, Any]]:
    """Return the sources that this installation can read, with whether they are connected."""
    found = []
    for slug in adapters():
        kind = contract(slug)
        ways = [WAYS.get(way, way) for way in kind.ways_in if way in BUILT]
        found.append({"kind": kind, "connected": slug in connected, "ways": ", ".join(ways)})
    return found


@action("source.read", POST="source.connect")
def connect_source(request: HttpRequest) -> HttpResponse:
    """Show what can be connected, and connect what is chosen."""
    gate: Gate = request.access
    connected = gate.only(Source.objects.order_by("slug"))
    if request.method == "POST":
        slug = request.POST.get("source", "")
        if slug not in adapters():
            messages.error(request, "That is no source that Proofline reads. Choose one of the list.")
            return redirect("source_connect")
        new = not Source.objects.filter(slug=slug).exists()
        source = connect(slug, at=gate.at)
        title = kind_of(source.slug).title
        if new:
            messages.success(request, f"{title} is connected. Send it its first events now.")
        else:
            messages.info(request, f"{title} was connected already.")
        return redirect("source", slug=source.slug)
    context = {
        "available": _available({each.slug for each in connected}),
        "crumbs": [("Sources", reverse("sources"))],
    }
    return render(request, "evidence/connect.html", context)


# One source ─────────────────────────────────────────────────────────────────────────────────────────


def _source(gate: Gate, slug: str) -> Source:
    found = get_object_or_404(Source, slug=slug)
    gate.check(found)
    return found


def _crumbs(source: Source | None = None) -> list[tuple[str, str]]:
    found = [("Sources", reverse("sources"))]
    if source is not None:
        found.append((kind_of(source.slug).title, reverse("source", args=[source.slug])))
    return found


@action("source.read")
def source(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one source: what was heard, its batches, what was rejected, its tokens and how to send to it."""
    gate: Gate = request.access
    found = _source(gate, slug)
    heard = _heard(gate, [found])[0]
    tone, text = source_state(heard)
    batches = list(batches_of(found, gate.period)[: RECENT + 1])
    deliveries = list(deliveries_of(found, gate.period)[:RECENT])
    tokens = gate.only(
        IntakeToken.objects.filter(source=found).select_related("source").order_by("-created_at"),
        "token.read",
    )
    people = names_of({t.created_by for t in tokens} | {d.by for d in deliveries})
    rejects = list(
        rejected_of(found, gate.period).select_related("batch").prefetch_related("batch__snapshots")[:RECENT]
    )
    return render(
        request,
        "evidence/source.html",
        {
            "source": found,
            "kind": heard.contract,
            "heard": heard,
            "pill": (tone, text),
            "crumbs": _crumbs(),
            "figures": _figures(heard),
            "months": strips(heard, by_week, name="Events"),
            "days": strips(heard, by_day, last=MONTH, name="Events"),
            "ends": _ends([heard]),
            "columns": _BATCH_COLUMNS,
            "rows": [batch_row(each) for each in batches[:RECENT]],
            "more_batches": len(batches) > RECENT,
            "rejects": [rejected_row(each, gate) for each in rejects],
            "rejected_columns": _REJECTED_COLUMNS,
            "deliveries": [(each, people.get(each.by) if each.by else "") for each in deliveries],
            "tokens": [_token_row(each, people, gate) for each in tokens],
            "sees_tokens": gate.may("token.read") and not gate.standing.is_auditor,
            "snippets": snippets(request, found) if gate.could("token.create") else None,
            "issues_tokens": gate.could("token.create"),
            "limit": settings.PROOFLINE_PUSH_LIMIT // (1024 * 1024),
            "period": gate.period,
        },
    )


def _figures(heard: Heard) -> list[dict[str, Any]]:
    slug = heard.source.slug
    begin = heard.days[-MONTH:][0].local_date
    scope = [each for each in heard.days if each.state is not State.NOT_IN_SCOPE]
    gaps = sum(each.state is State.GAP for each in scope)
    missing = sum(each.state is State.GAP for each in heard.listings)
    days = f"{reverse('coverage', args=[slug])}?show="
    return [
        {
            "value": heard.events,
            "label": "events in 30 days",
            "href": f"{reverse('events')}?{urlencode({'source': slug, 'from': begin.isoformat()})}",
        },
        {
            "value": gaps,
            "label": f"of {len(scope)} days without any event",
            "tone": "unknown" if gaps else "",
            "href": f"{days}gaps",
        },
        {
            "value": missing,
            "label": "days without an account listing",
            "tone": "unknown" if missing else "",
            "href": f"{days}listings",
        },
        {
            "value": heard.rejected,
            "label": "rejected records waiting",
            "tone": "attention" if heard.rejected else "",
            "href": reverse("rejected", args=[slug]),
        },
    ]


def batch_row(batch: Batch) -> dict[str, Any]:
    """Return what a table of batches shows of one."""
    return {
        "batch": batch,
        "href": reverse("batch", args=[batch.pk]),
        "act": batch.state == Batch.State.REFUSED,
    }


def rejected_row(reject: RejectedRecord, gate: Gate) -> dict[str, Any]:
    """Return what a table of rejected records shows of one; bytes of a batch that reaches out of an auditor's
    period are not shown, because nobody can say on which day the record lies.
    """
    opens = wholly_within(reject.batch, gate.period)
    return {
        "reject": reject,
        "href": reverse("event", args=[reject.batch_id, reject.seq]) if opens else "",
        "batch_href": reverse("batch", args=[reject.batch_id]),
        "excerpt": readable(bytes(reject.excerpt)) if opens else None,
    }


def _token_row(token: IntakeToken, people: dict[UUID, str], gate: Gate) -> dict[str, Any]:
    if token.revoked_at:
        tone, state = "none", "revoked"
    elif token.expires_at <= gate.at:
        tone, state = "none", "ended"
    elif token.expires_at - gate.at <= ENDS_SOON:
        tone, state = "attention", f"ends in {span(token.expires_at - gate.at)}"
    else:
        tone, state = "met", "in use"
    return {
        "token": token,
        "by": people.get(token.created_by) if token.created_by else "an operator",
        "tone": tone,
        "state": state,
        "href": reverse("token_revoke", args=[token.source.slug, token.prefix])
        if state not in ("revoked", "ended") and gate.allows(token, "token.revoke")
        else "",
    }


def snippets(request: HttpRequest, found: Source) -> list[dict[str, str]]:
    """Return commands that send to a source, with its real address; the token comes from the environment."""
    address = request.build_absolute_uri(reverse("push", args=[found.slug]))
    call = 'curl --fail-with-body \\\n  -H "Authorization: Bearer $PROOFLINE_TOKEN" \\\n '
    own = VENDOR_SNIPPETS.get(found.slug, ())
    return [
        {"title": title, "code": code.replace("CURL", call).replace("ADDRESS", address)}
        for title, code in (*SNIPPETS, *own)
    ]


@action("coverage.read")
def coverage(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the days of a source as a table, newest first: the heat map's numbers."""
    gate: Gate = request.access
    found = _source(gate, slug)
    heard = _heard(gate, [found])[0]
    rows = [
        _day_row(found, events, listing)
        for events, listing in zip(reversed(heard.days), reversed(heard.listings), strict=True)
    ]
    kinds = (
        ("", "All days", rows),
        ("gaps", "No event", [row for row in rows if row["day"].state is State.GAP]),
        ("listings", "No account listing", [row for row in rows if row["listing"].state is State.GAP]),
        ("rejected", "With rejected records", [row for row in rows if row["day"].rejected]),
    )
    show = request.GET.get("show", "")
    chosen = next((chosen for key, _, chosen in kinds if key == show), rows)
    page = Paginator(chosen, 2 * PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "evidence/coverage.html",
        {
            "source": found,
            "kind": heard.contract,
            "crumbs": _crumbs(found),
            "words": words(heard.days),
            "listing_words": words(heard.listings),
            "chips": [
                {
                    "label": label,
                    "count": len(found_rows),
                    "href": f"?show={key}" if key else "?",
                    "current": key == show,
                }
                for key, label, found_rows in kinds
            ],
            "columns": _DAY_COLUMNS,
            "rows": page.object_list,
            "page": page,
        },
    )


def _day_row(source: Source, events: DayState, listing: DayState) -> dict[str, Any]:
    on = events.local_date.isoformat()
    return {
        "day": events,
        "listing": listing,
        "pill": STATE_PILLS[events.state],
        "listing_pill": STATE_PILLS[listing.state],
        "href": f"{reverse('events')}?{urlencode({'source': source.slug, 'from': on, 'to': on})}",
    }


@action("rejected.read")
def rejected(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the records of a source that are no events, with the reason and how each begins."""
    gate: Gate = request.access
    found = _source(gate, slug)
    waiting = rejected_of(found, gate.period)
    codes = Counter(dict(waiting.order_by().values_list("code").annotate(n=Count("pk"))))
    code = request.GET.get("code", "")
    paginator = Paginator(waiting.filter(code=code) if code in codes else waiting, PAGE)
    # The chips' counts are known already.
    paginator.count = codes[code] if code in codes else codes.total()
    page = paginator.get_page(request.GET.get("page"))
    rows = page.object_list.select_related("batch").prefetch_related("batch__snapshots")
    chips = [{"label": "All", "count": codes.total(), "href": "?", "current": code not in codes}]
    chips += [
        {
            "label": each.replace("_", " "),
            "count": count,
            "href": f"?{urlencode({'code': each})}",
            "current": each == code,
        }
        for each, count in codes.most_common()
    ]
    return render(
        request,
        "evidence/rejected.html",
        {
            "source": found,
            "kind": kind_of(found.slug),
            "crumbs": _crumbs(found),
            "chips": chips if codes else None,
            "columns": _REJECTED_COLUMNS,
            "rows": [rejected_row(each, gate) for each in rows],
            "page": page,
            "code": code if code in codes else "",
        },
    )


# Tokens ─────────────────────────────────────────────────────────────────────────────────────────────


@action("token.read", POST="token.create")
def token(request: HttpRequest, slug: str) -> HttpResponse:
    """Issue a token for one source, after a fresh second factor; it is shown this once."""
    gate: Gate = request.access
    found = _source_for(gate, slug, "token.create")
    kind = kind_of(found.slug)
    context: dict[str, Any] = {"source": found, "kind": kind, "crumbs": _crumbs(found)}
    if request.method == "POST":
        context["secret"] = issue_token(found, at=gate.at, by=request.user.pk)
        context["snippets"] = snippets(request, found)
        context["address"] = request.build_absolute_uri(reverse("push", args=[found.slug]))
        context["life"] = TOKEN_LIFE.days
    elif not gate.standing.step_up:
        return ask_again(request)
    answer = render(request, "evidence/token.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _source_for(gate: Gate, slug: str, act: str) -> Source:
    """Return a source about which the person could do the act, else answer 404 or the act's refusal."""
    found = get_object_or_404(Source, slug=slug)
    gate.check(found, "source.read")
    if not gate.could(act) and not gate.allows(found, act):
        raise NotAllowed(gate.standing, act)
    return found


@action("token.read", POST="token.revoke")
def revoke(request: HttpRequest, slug: str, prefix: str) -> HttpResponse:
    """Ask whether a token shall end at once, and end it."""
    gate: Gate = request.access
    found = get_object_or_404(IntakeToken.objects.select_related("source"), source__slug=slug, prefix=prefix)
    gate.check(found)
    if request.method == "POST":
        revoke_token(found, at=gate.at)
        messages.success(
            request, f"The token {found.prefix} is revoked. Whoever shows it is refused from now on."
        )
        return redirect("source", slug=slug)
    context = {"token": found, "crumbs": _crumbs(found.source), "back": reverse("source", args=[slug])}
    return render(request, "evidence/revoke.html", context)


# Upload ─────────────────────────────────────────────────────────────────────────────────────────────


@action("source.read", POST="intake.upload")
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one or several files: durable when the answer is given, read by a worker afterwards."""
    gate: Gate = request.access
    found = get_object_or_404(Source, slug=slug)
    gate.check(found, "source.read")
    if not gate.allows(found, "intake.upload"):
        raise NotAllowed(gate.standing, "intake.upload")
    kind = kind_of(found.slug)
    form = UploadForm(kind)
    if request.method == "POST":
        try:
            form = UploadForm(kind, request.POST, request.FILES)
        except TooManyFilesSent:
            form = UploadForm(kind, {}, {})
            form.add_error("files", f"At most {FILES} files go at once. Send the rest afterwards.")
        if form.is_valid():
            taken = _take(form, found, request)
            if taken:
                hint_intake(request.client)
                return redirect("delivery", delivery=taken[0].pk)
    context = {"form": form, "source": found, "kind": kind, "crumbs": _crumbs(found)}
    return render(request, "evidence/upload.html", context, status=400 if form.errors else 200)


def _take(form: UploadForm, source: Source, request: HttpRequest) -> list[Delivery]:
    """Keep each file; one that cannot be taken as it is becomes an error of the form, and the others stay kept."""
    at = timezone.now()
    taken = []
    for given in form.cleaned_data["files"]:
        try:
            taken.append(
                receive_file(
                    source, given.file, name=given.name, way=Delivery.Way.UPLOAD, at=at, by=request.user.pk
                )
            )
        except Refused as refusal:
            form.add_error("files", f"“{given.name}” was not taken. {refusal}")
        except OSError as error:
            # A full disk, most likely. Nothing of the file was kept, and the page must not end as an error.
            why = f"could not be kept ({error.strerror or type(error).__name__}), and nothing of it was taken"
            form.add_error("files", f"“{given.name}” {why}. Send it again once there is room.")
    if taken and form.errors:
        kept = ", ".join(f"“{each.name}”" for each in taken)
        complaints = " ".join(str(each) for each in form.errors.get("files", []))
        messages.warning(request, f"{complaints} Taken all the same: {kept}.")
    return taken


@action("batch.read")
def delivery(request: HttpRequest, delivery: UUID) -> HttpResponse:
    """Show a delivered file: its progress while it is read (polled), then what became of every record."""
    gate: Gate = request.access
    found = get_object_or_404(Delivery.objects.select_related("source"), pk=delivery)
    gate.check(found)
    together = given_together(found)
    outcomes = [(each, outcome(each)) for each in together]
    mine = next(counts for each, counts in outcomes if each == found)
    running = any(each.state == Delivery.State.RECEIVED for each in together)
    batches = [link.batch for link in found.delivered.select_related("batch")]
    context = {
        "delivery": found,
        "kind": kind_of(found.source.slug),
        "crumbs": _crumbs(found.source),
        "by": names_of({found.by}).get(found.by) if found.by else "",
        "outcome": mine,
        "figures": _outcome_figures(found, mine, batches),
        "together": [_delivery_row(each, counts) for each, counts in outcomes] if len(together) > 1 else [],
        "columns": _DELIVERY_COLUMNS,
        "progress": _progress(outcomes, gate) if running else None,
        "batches": batches,
        "again": bool(batches) and found.delivered.filter(repeated=False).first() is None,
        "parts": parts_of(delivery_page, batches=batches, gate=gate) if not running else [],
        "poll": request.path if running else "",
    }
    part = "evidence/delivery_part.html" if request.htmx else "evidence/delivery.html"
    answer = render(request, part, context)
    answer["Cache-Control"] = "no-store"
    return answer


def _outcome_figures(found: Delivery, counts: Outcome, batches: list[Batch]) -> list[dict[str, Any]]:
    rejected_href = reverse("rejected", args=[found.source.slug]) if counts.rejected else ""
    batch_href = reverse("batch", args=[batches[0].pk]) if len(batches) == 1 else ""
    return [
        {"value": counts.records, "label": "records", "href": batch_href},
        {"value": counts.events, "label": "new events", "href": batch_href if counts.events else ""},
        {"value": counts.duplicates, "label": "duplicates: known before", "href": ""},
        {
            "value": counts.rejected,
            "label": "rejected",
            "tone": "attention" if counts.rejected else "",
            "href": rejected_href,
        },
        {
            "value": counts.exceptions,
            "label": "new exceptions",
            "tone": "deviation" if counts.exceptions else "",
            "href": "#exceptions" if counts.exceptions else "",
        },
    ]


def _delivery_row(each: Delivery, counts: Outcome) -> dict[str, Any]:
    tones = {Delivery.State.DONE: "met", Delivery.State.REFUSED: "deviation"}
    words_of = {Delivery.State.DONE: "read", Delivery.State.REFUSED: "refused"}
    return {
        "delivery": each,
        "outcome": counts,
        "href": reverse("delivery", args=[each.pk]),
        "tone": tones.get(Delivery.State(each.state), "none"),
        "state": words_of.get(Delivery.State(each.state), "waiting"),
        "act": each.state == Delivery.State.REFUSED,
    }


def _progress(outcomes: list[tuple[Delivery, Outcome]], gate: Gate) -> dict[str, Any]:
    """Return how far the reading is: batches done of all, and what a person can expect while nothing moves."""
    waiting = sum(counts.waiting for _, counts in outcomes)
    # A receipt becomes part of a batch of its own or of the next one; so long it counts as one piece.
    whole = sum(counts.batches + each.receipts.count() for each, counts in outcomes)
    done = max(0, whole - waiting)
    records = sum(counts.records for _, counts in outcomes)
    waited = (gate.at - outcomes[0][0].started_at).total_seconds()
    pieces = "piece" if whole == 1 else "pieces"
    if done:
        step = f"{done:,} of {whole:,} {pieces} read, {records:,} records so far."
    elif waited > NOT_TAKEN:
        step = (
            f"No worker has taken it for {int(waited // 60)} min. It is kept and waits; an operator should look "
            "whether the worker runs."
        )
    else:
        step = "Received and kept. Waiting for a worker."
    return {"value": done, "max": max(whole, 1), "step": step}
