"""A request that shows a token: what it shows, where its person then stands, and the one answer to a bad one."""

from dataclasses import replace
from typing import Final

from django.http import HttpRequest, JsonResponse

from tenants.access.policy import Standing
from tenants.apitokens.models import ApiToken

# Longer than any token of ours; what is not of these letters is none (RFC 6750, b64token).
_LONGEST: Final = 300


def bearer_of(request: HttpRequest) -> str | None:
    """Return what a request shows as `Authorization: Bearer …`: None without one, empty for what cannot be one."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    secret = secret.strip()
    return secret if secret.isascii() and secret.isprintable() and len(secret) <= _LONGEST else ""


def narrowed(place: Standing, token: ApiToken) -> Standing:
    """Return where a token's person stands with it: in its role alone, for its source, never with a second factor.

    That the person may still have a token of this role was asked when it was recognized (`apitokens.services`).
    """
    return replace(
        place,
        roles=frozenset({token.role}),
        step_up=False,
        only_source=token.source,
        writes=token.writes,
    )


def token_refused() -> JsonResponse:
    """Return 401 without saying which of the reasons it was: a client that is absent answers the same."""
    answer = JsonResponse(
        {"error": "This token is not accepted here. Check its client and source, or ask for a new one."},
        status=401,
    )
    answer["WWW-Authenticate"] = "Bearer"
    return answer
