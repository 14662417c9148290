"""Engagements at a client: its administrator opens, changes and closes them; an auditor sees their own."""

import datetime
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.access.policy import Refused
from tenants.engagements.forms import CATEGORIES, AuditorForm, EngagementForm
from tenants.engagements.models import Engagement
from tenants.engagements.services import (
    EngagementRefused,
    Terms,
    change_engagement,
    close_engagement,
    open_engagement,
    remove_auditor,
    terms_of,
)
from tenants.invitations.mailing import send
from tenants.invitations.models import Invitation
from tenants.invitations.selectors import open_at
from tenants.invitations.services import InvitationRefused, Issued, invite_auditor, renew, revoke
from tenants.templatetags.frame import day

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "Engagement", "key": "", "priority": 1},
    {"label": "Covers", "key": "", "priority": 1},
    {"label": "Access", "key": "", "priority": 2},
    {"label": "People", "key": "", "numeric": True, "priority": 3},
    {"label": "State", "key": "", "priority": 1},
)


@action("engagement.read")
def engagements(request: HttpRequest) -> HttpResponse:
    """List the client's engagements, the latest first; to an auditor their own."""
    gate: Gate = request.access
    found = Engagement.objects.filter(client=request.client).annotate(people=Count("auditors"))
    if gate.standing.engagement is not None:
        found = found.filter(pk=gate.standing.engagement.pk)
    page = Paginator(found.order_by("-access_from", "firm", "pk"), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "engagement": each,
            "href": reverse("engagement", args=[each.pk]),
            "covers": _days(each),
            "categories": _categories(each),
            "state": _state(each, gate.at),
        }
        for each in gate.only(page.object_list)
    ]
    context = {
        "rows": rows,
        "page": page,
        "columns": _COLUMNS,
        "may_open": gate.could("engagement.create"),
    }
    return render(request, "tenants/settings/engagements.html", context)


@action("engagement.read")
def engagement(request: HttpRequest, engagement: UUID) -> HttpResponse:
    """Show one: what it covers, until when, who is on it."""
    gate: Gate = request.access
    found = _engagement(request, engagement)
    return _shown(request, gate, found, AuditorForm())


def _shown(
    request: HttpRequest, gate: Gate, found: Engagement, form: AuditorForm, status: int = 200
) -> HttpResponse:
    state = _state(found, gate.at)
    is_open = found.closed_at is None
    context = {
        "engagement": found,
        "state": state,
        "facts": [
            ("Firm", found.firm),
            ("Type", found.get_kind_display()),
            ("Day" if found.as_of else "Period", _days(found)),
            ("Categories", _categories(found)),
            ("Access", f"{day(found.access_from)} – {day(found.access_until)}, both days included"),
            ("Opened by", str(found.created_by or "the operator")),
            *([("Closed by", str(found.closed_by or "the operator"))] if not is_open else []),
        ],
        "people": found.auditors.order_by("full_name", "email"),
        "invited": open_at(found.invitations.order_by("created_at", "pk"), gate.at)
        if gate.could("engagement.change")
        else (),
        "form": form if is_open and gate.could("engagement.change") else None,
        "may_change": is_open and gate.could("engagement.change"),
        "may_close": is_open and gate.may("engagement.close"),
        "crumbs": _crumbs(),
    }
    return render(request, "tenants/settings/engagement.html", context, status=status)


@action("engagement.create", GET="engagement.create")
def engagement_new(request: HttpRequest) -> HttpResponse:
    """Open an engagement."""
    form = EngagementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = open_engagement(
            request.client, Terms(**form.cleaned_data), by=request.access.person, at=request.access.at
        )
        messages.success(request, "The engagement is open. Invite the firm’s people now.")
        return redirect("engagement", engagement=made.pk)
    return _form(request, form, heading="Open an engagement", label="Open", back=reverse("engagements"))


@action("engagement.change", GET="engagement.change")
def engagement_change(request: HttpRequest, engagement: UUID) -> HttpResponse:
    """Change what an engagement covers, and until when."""
    found = _engagement(request, engagement)
    terms = terms_of(found)
    initial = {name: getattr(terms, name) for name in EngagementForm.base_fields}
    form = EngagementForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            change_engagement(
                found, Terms(**form.cleaned_data), by=request.access.person, at=request.access.at
            )
        except EngagementRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "The engagement is changed; its people see it with their next page.")
            return redirect("engagement", engagement=found.pk)
    back = reverse("engagement", args=[found.pk])
    return _form(request, form, heading=f"Change {found}", label="Change", back=back)


@action("engagement.close", GET="engagement.read")
def engagement_close(request: HttpRequest, engagement: UUID) -> HttpResponse:
    """Ask whether an engagement shall end, and close it."""
    gate: Gate = request.access
    found = _engagement(request, engagement)
    if not gate.allows(found, "engagement.close"):
        raise Refused(gate.standing, "engagement.close")
    if request.method == "POST":
        try:
            close_engagement(found, by=request.access.person, at=gate.at)
            messages.success(request, "The engagement is closed.")
        except EngagementRefused as refused:
            messages.warning(request, str(refused))
        return redirect("engagement", engagement=found.pk)
    context = {"engagement": found, "crumbs": _crumbs(found), "back": reverse("engagement", args=[found.pk])}
    return render(request, "tenants/settings/engagement_close.html", context)


@action("engagement.change")
def engagement_invite(request: HttpRequest, engagement: UUID) -> HttpResponse:
    """Invite somebody of the firm, by a link that is mailed."""
    gate: Gate = request.access
    found = _engagement(request, engagement)
    form = AuditorForm(request.POST)
    if form.is_valid():
        try:
            issued = invite_auditor(found, **form.cleaned_data, by=gate.person, at=gate.at)
        except InvitationRefused as refused:
            form.add_error("email", str(refused))
        else:
            _mail(request, issued)
            return redirect("engagement", engagement=found.pk)
    return _shown(request, gate, found, form, status=400)


@action("engagement.change")
def engagement_invitation(request: HttpRequest, engagement: UUID, invitation: UUID) -> HttpResponse:
    """Send an invitation that waits once more, or take it back."""
    gate: Gate = request.access
    found = _engagement(request, engagement)
    invited = get_object_or_404(Invitation, engagement=found, pk=invitation)
    try:
        if request.POST.get("do") == "again":
            _mail(request, renew(invited, by=gate.person, at=gate.at))
        else:
            revoke(invited, at=gate.at)
            messages.success(request, f"The invitation of {invited.email} is taken back.")
    except InvitationRefused as refused:
        messages.warning(request, str(refused))
    return redirect("engagement", engagement=found.pk)


def _mail(request: HttpRequest, issued: Issued) -> None:
    mail = issued.invitation.email
    if send(issued):
        messages.success(request, f"The invitation went to {mail}.")
    else:
        messages.warning(
            request, f"{mail} is invited, but the mail did not leave. Send it again when mail works."
        )


@action("engagement.change")
def engagement_remove(request: HttpRequest, engagement: UUID, user: UUID) -> HttpResponse:
    """Take somebody off an engagement."""
    found = _engagement(request, engagement)
    person = get_object_or_404(found.auditors, pk=user)
    remove_auditor(found, person, by=request.access.person, at=request.access.at)
    messages.success(request, f"{person} reads nothing under this engagement any more.")
    return redirect("engagement", engagement=found.pk)


def _engagement(request: HttpRequest, key: UUID) -> Engagement:
    found = get_object_or_404(
        Engagement.objects.select_related("client", "created_by", "closed_by"), client=request.client, pk=key
    )
    request.access.check(found)
    return found


def _form(request: HttpRequest, form: EngagementForm, *, heading: str, label: str, back: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "label": label, "back": back, "crumbs": _crumbs()}
    status = 400 if form.errors else 200
    return render(request, "tenants/settings/engagement_form.html", context, status=status)


def _crumbs(found: Engagement | None = None) -> list[tuple[str, str]]:
    crumbs = [("Engagements", reverse("engagements"))]
    if found is not None:
        crumbs.append((str(found), reverse("engagement", args=[found.pk])))
    return crumbs


def _days(engagement: Engagement) -> str:
    if engagement.as_of:
        return f"as of {day(engagement.as_of)}"
    return f"{day(engagement.period_start)} – {day(engagement.period_end)}"


def _categories(engagement: Engagement) -> str:
    words = dict(CATEGORIES)
    return ", ".join(words.get(each, each) for each in engagement.categories)


def _state(engagement: Engagement, at: datetime.datetime) -> dict[str, str]:
    today = timezone.localdate(at)
    if engagement.closed_at is not None:
        return {"tone": "none", "text": "closed"}
    if today < engagement.access_from:
        return {"tone": "none", "text": "not open yet"}
    if today > engagement.access_until:
        return {"tone": "none", "text": "over"}
    return {"tone": "met", "text": "open"}
