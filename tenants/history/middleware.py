"""Gives what a request changes its context: who, in which role, from which address, on which page."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.history.context import changing
from tenants.sessions.services import address_of

# Arguments of addresses that are secrets: the page is named without them.
_SECRETS: Final = frozenset({"token", "key", "secret", "code"})


class HistoryMiddleware:
    """Stands before `AccessMiddleware`; what it tells is asked for when something is written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request with its changes known as its own."""
        with changing(lambda: facts_of(request)):
            return self.get_response(request)


def facts_of(request: HttpRequest) -> dict[str, str | None]:
    """Return what history keeps of a request. Who signed in during it counts from then on."""
    gate = getattr(request, "access", None)
    # Whom a token stands for is known to the gate.
    user = gate.person if gate is not None else getattr(request, "user", None)
    return {
        "user": str(user.pk) if user is not None and user.is_authenticated else None,
        "role": " ".join(sorted(gate.standing.roles)) if gate is not None else "",
        "address": address_of(request),
        "path": _path(request)[:200],
        "way": _way(request),
    }


def _way(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is not None and "admin" in match.namespaces:
        return "admin"
    return "api" if request.path_info.startswith("/api/") else "page"


def _path(request: HttpRequest) -> str:
    path = request.path
    match = request.resolver_match
    for name, value in match.kwargs.items() if match is not None else ():
        if name in _SECRETS:
            path = path.replace(str(value), "…")
    return path
