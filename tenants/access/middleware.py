"""Asks the policy before every view, and runs the views of whoever only reads where the database refuses writes.

It is the last middleware. In order: what did the view declare; is somebody signed in; does the client exist for
them; have they a second factor where their role needs one; does the policy list this action for them. Foreign and
absent answer alike (404); one's own client without the right answers 403 in words.
"""

import datetime
import logging
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Final

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import DatabaseError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from tenants.access.declare import Declaration, declaration_of
from tenants.access.gate import Gate, NotAskedError
from tenants.access.policy import OF_ONESELF, Refused, Standing, judged_some, standing
from tenants.access.readlog import record_read
from tenants.access.tokens import bearer_of, narrowed, token_refused
from tenants.api.limits import over_limit
from tenants.api.middleware import is_api
from tenants.api.problems import problem
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import authenticate
from tenants.database.reader import reading_only
from tenants.members.models import User
from tenants.members.selectors import needs_second_factor
from tenants.members.stepup import ask_again, proved_second_factor_lately
from tenants.sessions.services import bound_with_second_factor

logger = logging.getLogger(__name__)

_SPOOL_IN_MEMORY: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024


class AccessMiddleware:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on: the policy is asked once the view is known, and the view once it has answered."""
        response = self.get_response(request)
        gate = getattr(request, "access", None)
        if gate is not None:
            _must_have_asked(gate, request, response)
        if response.status_code == 404 and gate is None:
            return self._log_absent(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the view run (None), answer in its place, or run it here for whoever only reads."""
        declared = declaration_of(view)
        if declared is None:
            raise Http404
        if declared.kind == "public":
            return None
        if declared.kind == "token":
            # An absent client answers like a token that is not known.
            return token_refused() if getattr(request, "client_absent", False) else None
        try:
            return self._judged(request, declared, view, args, kwargs)
        except PermissionDenied as refusal:
            if not is_api(request):
                raise
            return problem(403, str(refusal))

    def _judged(
        self,
        request: HttpRequest,
        declared: Declaration,
        view: Callable[..., HttpResponseBase],
        args: Any,
        kwargs: Any,
    ) -> HttpResponseBase | None:
        now = timezone.now()
        token = _token_of(request, declared, now)
        if isinstance(token, HttpResponse):
            return token
        if not request.user.is_authenticated:
            return _sign_in(request)
        if declared.kind == "session":
            return None  # one's own session, at any address: also at an absent client's, like a foreign one's
        if getattr(request, "client_absent", False):
            raise Http404
        user = request.user
        assert isinstance(user, User)
        fresh = token is None and proved_second_factor_lately(request)
        place = standing(user, request.client, at=now, step_up=fresh)
        if token is not None:
            place = narrowed(place, token)
        if not place.known or _stays_absent(place, declared):
            raise Http404
        limited = _limited(request, user, token, now)
        if limited is not None:
            return limited
        name = declared.actions.get(request.method or "")
        if name is None:
            return HttpResponseNotAllowed(sorted(declared.actions))
        proven = bound_with_second_factor(request) or is_mfa_enabled(user)
        if not proven and needs_second_factor(user):
            return _enroll(request)
        gate = Gate(place, name)
        if not judged_some(place, name):
            return _refused(request, gate, has_page="GET" in declared.actions)
        request.access = gate
        if _is_logged(gate):
            return _read_only(request, gate, view, args, kwargs)
        return None

    def _log_absent(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Log that somebody whose reads are logged asked for an address that has no page, or none for them."""
        if getattr(request, "client", None) is None or not request.user.is_authenticated:
            return response
        assert isinstance(request.user, User)
        place = standing(request.user, request.client, at=timezone.now())
        if not (place.known and place.reads_only):
            return response
        return _logged(request, response, Gate(place, "")) or response


def _is_logged(gate: Gate) -> bool:
    place = gate.standing
    return place.reads_only and place.client is not None and gate.action not in OF_ONESELF


def _read_only(
    request: HttpRequest, gate: Gate, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
) -> HttpResponseBase:
    """Run a view where the database refuses every write, and send what it answers once it is logged."""
    try:
        with reading_only(request.client):
            response = _rendered(view(request, *args, **kwargs))
            if response.streaming and not isinstance(response, FileResponse):
                response.streaming_content = _spooled(iter(response.streaming_content))
    except Exception as error:
        status = 404 if isinstance(error, Http404) else 403 if isinstance(error, PermissionDenied) else 500
        unsent = _logged(request, HttpResponse(status=status), gate)
        if unsent is not None:
            return unsent
        raise
    _must_have_asked(gate, request, response)
    return _logged(request, response, gate) or response


def _logged(request: HttpRequest, response: HttpResponseBase, gate: Gate) -> HttpResponseBase | None:
    """Write the read down; where that fails, return what is sent in the answer's place."""
    try:
        record_read(request, response, place=gate.standing, action=gate.action, at=gate.at)
    except DatabaseError:
        logger.exception("The access log could not be written, so an answer was not sent.")
        return HttpResponse(render_to_string("unlogged.html"), status=500)
    return None


def _stays_absent(place: Standing, declared: Declaration) -> bool:
    """Whether the view lies within something that is not there for this person. A suspended client says so itself."""
    return bool(declared.within) and not place.suspended and not judged_some(place, declared.within)


def _token_of(
    request: HttpRequest, declared: Declaration, now: datetime.datetime
) -> ApiToken | HttpResponse | None:
    """Return the token that a request of the API shows, its person being who asks; 401 for one that is not good.

    A token is a way into the API of its client and nowhere else: pages and the admin do not look at it.
    """
    secret = bearer_of(request) if is_api(request) else None
    if secret is None:
        return None
    here = request.client if declared.kind == "action" else None
    token = authenticate(secret, client=here, at=now) if here is not None else None
    if token is None:
        return token_refused()
    request.user, request.api_token = token.user, token
    return token


def _limited(
    request: HttpRequest, user: User, token: ApiToken | None, now: datetime.datetime
) -> HttpResponse | None:
    if not is_api(request):
        return None
    return over_limit(f"token:{token.pk}" if token is not None else f"person:{user.pk}", at=now)


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    if callable(getattr(response, "render", None)):
        return response.render()
    return response


def _must_have_asked(gate: Gate, request: HttpRequest, response: HttpResponseBase) -> None:
    if response.status_code == 200 and gate.must_ask and not gate.asked:
        assert request.resolver_match is not None
        view = request.resolver_match.func
        name = f"{view.__module__}.{getattr(view, '__qualname__', view)}"
        raise NotAskedError(
            f'{name} answered "{gate.action}" without asking request.access about its objects, '
            "though only they decide what this person may see (tenants/access/declare.py)."
        )


def _spooled(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read a streamed answer to its end while the read-only transaction is open, then give it out."""
    spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY)  # noqa: SIM115  (closed by the iterator below)
    for chunk in chunks:
        spool.write(chunk)
    spool.seek(0)
    return File(spool).chunks(_CHUNK)


def _sign_in(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return token_refused()
    address = request.get_full_path() if request.method in ("GET", "HEAD") else (request.path or "/")
    answer = redirect_to_login(address, reverse("account_login"))
    return _followed_by_htmx(request, answer)


def _refused(request: HttpRequest, gate: Gate, *, has_page: bool) -> HttpResponseBase:
    """Ask for a fresh second factor where nothing else is missing; refuse otherwise."""
    if gate.standing.suspended and not is_api(request):
        return render(request, "tenants/suspended.html", status=403)
    if not gate.could(gate.action) or is_api(request):
        unsent = _logged(request, HttpResponse(status=403), gate) if _is_logged(gate) else None
        if unsent is not None:
            return unsent
        raise Refused(gate.standing, gate.action)
    return _followed_by_htmx(request, ask_again(request, has_page=has_page))


def _enroll(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        raise PermissionDenied(
            "Your role asks for a second factor. Enroll one in the portal, then try again."
        )
    return _followed_by_htmx(request, redirect("mfa_activate_totp"))


def _followed_by_htmx(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """A part of a page cannot show a sign-in form: htmx is told to load the whole page."""
    if getattr(request, "htmx", False):
        whole = HttpResponse()
        whole["HX-Redirect"] = answer["Location"]
        return whole
    return answer
