"""The one answer to a token that is not known, expired, revoked, or of another client, source or address."""

from django.http import JsonResponse


def token_refused() -> JsonResponse:
    """Return 401 without saying which of the reasons it was: a client that is absent answers the same."""
    answer = JsonResponse(
        {"error": "This token is not accepted here. Check its client and source, or ask for a new one."},
        status=401,
    )
    answer["WWW-Authenticate"] = "Bearer"
    return answer
