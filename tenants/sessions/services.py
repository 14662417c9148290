"""What may be done with sessions: begin one, note that it is used, renew its key, end it."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.members.models import User

# Keys within a session: the instants (seconds since 1970) at which it began and was last used; and, when a client's
# identity provider opened it, that client's id and whether the provider asked for a second factor.
SINCE: Final = "since"
SEEN: Final = "seen"
BOUND: Final = "bound"
# How exactly the page of sessions knows when one was last used, in seconds.
_EXACTLY: Final = 60


def begin(request: HttpRequest, user: User) -> None:
    """Note that somebody signed in: the session is theirs from now on, and bound to no client yet."""
    now = time.time()
    request.session[SINCE] = request.session[SEEN] = now
    request.session.pop(BOUND, None)
    _keep(request, user, now)


def bind(request: HttpRequest, client: Client, *, second_factor: bool) -> None:
    """Bind the session to the client whose identity provider opened it."""
    request.session[BOUND] = {"client": str(client.pk), "second_factor": second_factor}
    UserSession.objects.filter(session_key=request.session.session_key).update(data={BOUND: str(client.pk)})


def bound_with_second_factor(request: HttpRequest) -> bool:
    """Tell whether a client's identity provider opened this session by a second factor that the client vouches for."""
    return bool((request.session.get(BOUND) or {}).get("second_factor"))


def touch(request: HttpRequest, *, now: float) -> None:
    """Note that the session is used, at most once a minute."""
    if SINCE not in request.session:
        request.session[SINCE] = now
    elif now - request.session.get(SEEN, 0) < _EXACTLY:
        return
    request.session[SEEN] = now
    UserSession.objects.filter(session_key=request.session.session_key).update(
        last_seen_at=datetime.fromtimestamp(now, UTC), ip=address_of(request), user_agent=_device(request)
    )


def renew(request: HttpRequest) -> None:
    """Give the session another key, as after each proof: what somebody planted or saw before is worth nothing."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def end(sessions: Iterable[UserSession]) -> int:
    """End sessions: their next request finds itself signed out. Returns how many."""
    keys = [each.session_key for each in sessions]
    with transaction.atomic():
        Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)


def end_all_of(user: User, *, but: str | None = None) -> int:
    """End every session of a person, except the one with the key `but`."""
    return end(UserSession.objects.filter(user=user).exclude(session_key=but or ""))


@transaction.atomic
def revoke_of_member(session: UserSession, *, client: Client, by: User, at: datetime) -> None:
    """End the session of a person of a client, as that client's administrator: kept in the client's ledger."""
    end([session])
    facts = {"act": "session.revoke", "person": str(session.user_id), "address": session.ip}
    record_act(client, "settings", f"session:{session.pk}", actor=by.pk, at=at, facts=facts)


def _keep(request: HttpRequest, user: User, now: float) -> None:
    at = datetime.fromtimestamp(now, UTC)
    request.session.save()  # allauth looks for sessions that hold nobody, and forgets those
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "ip": address_of(request),
            "user_agent": _device(request),
            "created_at": at,
            "last_seen_at": at,
            "data": {},
        },
    )


def address_of(request: HttpRequest) -> str:
    """Return the address that a request came from, as the trusted proxies tell it (`PROOFLINE_PROXIES`)."""
    try:
        return str(get_adapter(request).get_client_ip(request))
    except PermissionDenied:
        return "0.0.0.0"  # noqa: S104  (nothing listens: the server did not say where the request came from)


def _device(request: HttpRequest) -> str:
    most = UserSession._meta.get_field("user_agent").max_length
    return str(request.META.get("HTTP_USER_AGENT", ""))[:most]


def on_signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receive Django's `user_logged_in`."""
    begin(request, user)


def on_factor_proved(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Receive allauth's `authenticator_used`: within a session, another proof gives it another key."""
    if request.user.is_authenticated:
        renew(request)


def on_password_changed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receive allauth's signals of a new password: only the session that set it stays, or none after a reset."""
    mine = request.user.is_authenticated and request.user.pk == user.pk
    end_all_of(user, but=request.session.session_key if mine else None)
