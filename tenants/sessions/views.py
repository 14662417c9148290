"""Where one is signed in, and how to end it; at a client, for its administrators, where its people are."""

from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from tenants.access.declare import action, own_session
from tenants.access.gate import Gate
from tenants.members.models import Role, User
from tenants.sessions import services
from tenants.sessions.selectors import device_words, sessions_at, sessions_of

PAGE: Final = 50


@action("session.read")
def sessions(request: HttpRequest) -> HttpResponse:
    """Show one's own sessions, and to an administrator of the client those of its people."""
    gate: Gate = request.access
    assert isinstance(request.user, User)
    mine = gate.only(sessions_of(request.user, at=gate.at))
    shown: dict[str, Any] = {"mine": [_row(request, each) for each in mine], "people": None}
    if request.client is not None and Role.CLIENT_ADMIN in gate.standing.roles:
        others = sessions_at(request.client, at=gate.at).exclude(user=request.user)
        shown["page"] = Paginator(others, PAGE).get_page(request.GET.get("page"))
        shown["people"] = [_row(request, each) for each in shown["page"]]
    return render(request, "tenants/sessions/sessions.html", shown)


@own_session("ends one of the person's own sessions")
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's own sessions; the present one by signing out."""
    assert isinstance(request.user, User)
    session = get_object_or_404(sessions_of(request.user, at=timezone.now()), pk=pk)
    if session.session_key == request.session.session_key:
        get_adapter(request).logout(request)
        return redirect("account_login")
    services.end([session])
    messages.success(request, f"{device_words(session.user_agent)} is signed out.")
    return redirect("sessions")


@own_session("ends the person's other sessions")
@require_POST
def revoke_others(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions but the present one."""
    assert isinstance(request.user, User)
    ended = services.end_all_of(request.user, but=request.session.session_key)
    messages.success(request, f"Signed out elsewhere: {ended} session{'' if ended == 1 else 's'}.")
    return redirect("sessions")


@action(POST="session.revoke")
def revoke_of_member(request: HttpRequest, pk: int) -> HttpResponse:
    """End a session of one of the client's people."""
    gate: Gate = request.access
    assert isinstance(request.user, User)
    session = get_object_or_404(sessions_at(request.client, at=gate.at), pk=pk)
    gate.check(session)
    services.revoke_of_member(session, client=request.client, by=request.user, at=gate.at)
    messages.success(request, f"{session.user} is signed out on {device_words(session.user_agent)}.")
    return redirect("sessions")


def _row(request: HttpRequest, session: UserSession) -> dict[str, Any]:
    return {
        "pk": session.pk,
        "device": device_words(session.user_agent),
        "address": "" if session.ip == "0.0.0.0" else session.ip,  # noqa: S104
        "since": session.created_at,
        "seen": session.last_seen_at,
        "here": session.session_key == request.session.session_key,
        "user": session.user if session.user_id != request.user.pk else None,
    }
