"""What a person was told: at the portal of every client, at a client of that one; and how they are mailed."""

import uuid
from typing import Final

from django.conf import settings as django_settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_script_prefix

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.access.policy import POLICY
from tenants.clients.context import client_address
from tenants.members.models import User
from tenants.notifications.forms import MailForm
from tenants.notifications.kinds import Kind, kinds
from tenants.notifications.models import Notification, NotificationSetting
from tenants.notifications.selectors import visible
from tenants.notifications.services import choose_mail, mark_read, setting_of

PAGE: Final = 50
_COLUMNS: Final = (
    {"label": "What", "priority": 1},
    {"label": "When", "priority": 2},
    {"label": "Read", "priority": 1},
)


def elsewhere(request: HttpRequest, path: str) -> str:
    """Return the address at the portal for whoever cannot write at this client (auditors), else ""."""
    gate: Gate = request.access
    if request.client is None or not gate.standing.is_auditor:
        return ""
    prefix = f"{django_settings.PROOFLINE_BASE_URL}/" if request.own_host else request.portal_prefix
    return f"{prefix}{path}"


@action("notification.read")
def notifications(request: HttpRequest) -> HttpResponse:
    """List what the person was told, newest first."""
    if away := elsewhere(request, "notifications/"):
        return redirect(away)
    gate: Gate = request.access
    found = visible(gate.standing)
    unread = found.filter(read_at=None).count()
    only_unread = request.GET.get("show") == "unread"
    shown = found.filter(read_at=None) if only_unread else found
    ordered = shown.select_related("client", "user").order_by("-created_at", "pk")
    page = Paginator(ordered, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [{"told": told} for told in gate.only(page.object_list)],
        "columns": _COLUMNS,
        "at_portal": request.client is None,
        "unread": unread,
        "chips": [
            {"label": "All", "count": None, "href": "?", "current": not only_unread},
            {"label": "Unread", "count": unread, "href": "?show=unread", "current": only_unread},
        ],
        "only_unread": only_unread,
    }
    return render(request, "tenants/notifications.html", context)


def _one(request: HttpRequest, key: uuid.UUID) -> Notification:
    gate: Gate = request.access
    found = get_object_or_404(visible(gate.standing).select_related("client"), pk=key)
    gate.check(found)
    return found


@action(POST="notification.read")
def open_one(request: HttpRequest, notification: uuid.UUID) -> HttpResponse:
    """Note that a notification was read, and lead to what it tells of, at its client."""
    if away := elsewhere(request, "notifications/"):
        return redirect(away)
    found = _one(request, notification)
    mark_read([found], at=request.access.at)
    if found.client is None:
        return redirect(f"{request.portal_prefix}{found.url}")
    root = get_script_prefix() if request.client else client_address(request, found.client)
    return redirect(f"{root}{found.url}")


@action(POST="notification.read")
def read_one(request: HttpRequest, notification: uuid.UUID) -> HttpResponse:
    """Note that a notification was read, and stay."""
    if away := elsewhere(request, "notifications/"):
        return redirect(away)
    mark_read([_one(request, notification)], at=request.access.at)
    return redirect("notifications")


@action(POST="notification.read")
def read_all(request: HttpRequest) -> HttpResponse:
    """Note that everything listed here was read."""
    if away := elsewhere(request, "notifications/"):
        return redirect(away)
    gate: Gate = request.access
    mark_read(visible(gate.standing).filter(read_at=None), at=gate.at)
    messages.success(request, "Everything is marked as read.")
    return redirect("notifications")


@action(GET="notification.settings", POST="notification.settings")
def settings(request: HttpRequest) -> HttpResponse:
    """Show and keep how the person is mailed."""
    if away := elsewhere(request, "notifications/settings/"):
        return redirect(away)
    gate: Gate = request.access
    user = gate.standing.principal
    assert isinstance(user, User)
    setting = setting_of(user)
    gate.check(setting)
    form = MailForm(
        request.POST or None,
        initial={"mail": setting.mail, "digest_hour": setting.digest_hour, "zone": setting.zone},
        use_required_attribute=False,
    )
    if request.method == "POST" and form.is_valid():
        choose_mail(user, **form.cleaned_data, at=gate.at)
        messages.success(request, "Kept. It holds from the next mail on.")
        return redirect("notification_settings")
    context = {
        "form": form,
        "mail": user.email,
        "kinds": [(kind.label, _when(kind)) for kind in kinds() if _concerns(kind, gate)],
    }
    return render(request, "tenants/notification_settings.html", context)


def _concerns(kind: Kind, gate: Gate) -> bool:
    return any(role in POLICY[kind.action] for role in gate.standing.roles)


def _when(kind: Kind) -> str:
    if not kind.may_wait:
        return "at once, always"
    return "at once" if kind.mail == NotificationSetting.Mail.AT_ONCE else "in the daily mail"
