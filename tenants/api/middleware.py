"""The edge of the API: what no endpoint should have to see, and refusals in one form whoever refuses."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.api.problems import as_problem, problem

PREFIX: Final = "/api/v1/"
# Bytes of a body: acts and settings are small, evidence goes to the push address.
LONGEST_BODY: Final = 1024 * 1024


def is_api(request: HttpRequest) -> bool:
    """Tell whether an address is the API's: of a client or of the portal."""
    return request.path_info.startswith(PREFIX)


class ApiMiddleware:
    """Right inside `ClientMiddleware`: refuses bodies that are too long, and words every refusal as a problem."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request of the API; pass every other one on."""
        if not is_api(request):
            return self.get_response(request)
        return _too_long(request) or as_problem(self.get_response(request))


def _too_long(request: HttpRequest) -> HttpResponseBase | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LONGEST_BODY:
        # What is not read is drained by the server or ends the connection; nothing of it is kept.
        return problem(
            413,
            f"The body has {length} bytes; at most {LONGEST_BODY} are taken. Evidence goes to the push address.",
        )
    return None
