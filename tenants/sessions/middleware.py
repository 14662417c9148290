"""Ends sessions that are idle or old, keeps the time at which each was last used, and lets none be used elsewhere.

Right behind Django's `SessionMiddleware`: whoever comes later sees only a session that counts here and now. When it
began, when it was last used and which client's identity provider opened it lie in the session itself, so that no
request needs another query; a row of `usersessions` says the same for the page of sessions, at most a minute late.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.sessions.services import BOUND, SEEN, SINCE, touch

_ELSEWHERE = "elsewhere"


class SessionLimits:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Drop the session, set it aside, or note that it is used; then answer."""
        if not request.path_info.startswith(settings.STATIC_URL) and SESSION_KEY in request.session:
            self._judge(request, time.time())
        return self.get_response(request)

    def _judge(self, request: HttpRequest, now: float) -> None:
        session = request.session
        since, seen = session.get(SINCE, now), session.get(SEEN, now)
        if now - seen > settings.PROOFLINE_SESSION_IDLE or now - since > settings.SESSION_COOKIE_AGE:
            session.flush()
            return
        bound = session.get(BOUND)
        if bound is not None and (request.client is None or str(request.client.pk) != bound["client"]):
            # As signed out, but the session itself stays: whoever goes back to the client is still signed in there.
            # It holds something so that the cookie is not taken away, and nothing of it is saved.
            request.session = type(session)()
            request.session._session_cache = {_ELSEWHERE: True}
            return
        touch(request, now=now)
