"""Opening break-glass at the portal; at a client, who was in, why, what they read, and ending it."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.breakglass.forms import OpenForm
from tenants.breakglass.models import BreakGlass
from tenants.breakglass.services import LIFE, BreakGlassRefused, end_breakglass, open_breakglass
from tenants.clients.context import client_address
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import User

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "Who", "key": "", "priority": 1},
    {"label": "Why", "key": "", "priority": 1},
    {"label": "Opened", "key": "", "priority": 2},
    {"label": "Over", "key": "", "priority": 2},
    {"label": "Reads", "key": "", "numeric": True, "priority": 1},
    {"label": "", "key": "", "priority": 1},
)


@action("breakglass.open", GET="breakglass.open")
def open_(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the reason, and open; the form is the same whether there is such a client or not."""
    gate: Gate = request.access
    user = request.user
    assert isinstance(user, User)
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        found = Client.objects.filter(slug=slug).first()
        if found is None:
            raise Http404
        try:
            with at_client(found):
                open_breakglass(user, found, reason=form.cleaned_data["reason"], at=gate.at)
        except BreakGlassRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect(client_address(request, found))
    context = {"form": form, "slug": slug, "minutes": int(LIFE.total_seconds() // 60)}
    return render(
        request, "tenants/settings/breakglass_open.html", context, status=400 if form.errors else 200
    )


@action("breakglass.read")
def log(request: HttpRequest) -> HttpResponse:
    """List who was in by break-glass, newest first, with the reason and how much was read."""
    gate: Gate = request.access
    entries = BreakGlass.objects.filter(client=request.client).select_related("user", "ended_by")
    page = Paginator(entries.order_by("-opened_at", "pk"), PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    counted = BreakGlass.objects.filter(pk__in=[each.pk for each in shown]).annotate(n=Count("reads"))
    reads = dict(counted.values_list("pk", "n"))
    context = {
        "rows": [_row(gate, each, reads[each.pk]) for each in shown],
        "page": page,
        "columns": _COLUMNS,
    }
    return render(request, "tenants/settings/breakglass.html", context)


def _row(gate: Gate, entry: BreakGlass, reads: int) -> dict[str, Any]:
    live = entry.ended_at is None and entry.expires_at > gate.at
    how = f"by {entry.ended_by}" if entry.ended_by else "its time ran out"
    return {
        "entry": entry,
        "live": live,
        "left": f"until {timezone.localtime(entry.expires_at):%H:%M}" if live else "",
        "over": entry.ended_at or entry.expires_at,
        "how": "" if live else how,
        "reads": reads,
        "reads_href": f"{reverse('readlog')}?{urlencode({'entry': entry.pk})}" if reads else "",
        "end_href": reverse("breakglass_end", args=[entry.pk])
        if live and gate.allows(entry, "breakglass.end")
        else "",
    }


@action("breakglass.end")
def end(request: HttpRequest, breakglass: UUID) -> HttpResponse:
    """End an entry at once: one's own, or as the client's administrator any."""
    gate: Gate = request.access
    entry = get_object_or_404(
        BreakGlass.objects.select_related("user", "client"), client=request.client, pk=breakglass
    )
    gate.check(entry)
    user = request.user
    assert isinstance(user, User)
    ended = end_breakglass(entry, by=user, at=gate.at)
    words = f"Break-glass of {entry.user} is over." if ended else "It was over already."
    messages.success(request, words)
    if entry.user_id == user.pk:
        return redirect(request.portal_prefix)  # the client does not exist for them any more
    return redirect("breakglass_log")
