"""How the API refuses: Problem Details (RFC 9457) with a sentence that says what to do next."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import ErrorResponse
from rest_framework import exceptions
from rest_framework.response import Response

MEDIA_TYPE: Final = "application/problem+json"
# What is said where nothing better is known.
WORDS: Final = {
    400: "The request was not understood. Compare it with the description at docs/.",
    401: "Nobody is signed in here. Sign in, or send a token of this client as “Authorization: Bearer TOKEN”; one that "
    "is unknown, expired, revoked or another client's is not accepted.",
    403: "This is not open to you. Ask the client's administrator.",
    404: "There is nothing here for you. Check the address; what belongs to others is not shown either.",
    405: "This address does not take this method. The header Allow lists those that it takes.",
    413: "The request is too large. Send less at once.",
    415: "Only JSON is read. Send the body as “Content-Type: application/json”.",
    428: "Say which state you change: read it first, then send its ETag as If-Match.",
    429: "Too many requests. Wait as many seconds as the header Retry-After says.",
    500: "Something failed here, and nothing was changed. Try again; if it fails again, tell the operator when.",
    503: "The portal cannot answer now. Try again in a minute.",
}
_KEPT: Final = ("Allow", "WWW-Authenticate", "Retry-After")


class Problem(exceptions.APIException):
    """A refusal by status and sentence."""

    def __init__(self, status: int, detail: str = "") -> None:
        super().__init__(detail or WORDS[status])
        self.status_code = status


def told(status: int, detail: str = "", errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return the members of a problem."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or WORDS.get(status, WORDS[400 if status < 500 else 500]),
    }
    return said | {"errors": errors} if errors else said


def problem(status: int, detail: str = "", *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer a problem from outside an endpoint."""
    return JsonResponse(told(status, detail), status=status, content_type=MEDIA_TYPE, headers=headers)


def as_problem(response: HttpResponseBase) -> HttpResponseBase:
    """Return what refused as a problem: a page of words is no answer to a program."""
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return response
    headers = {name: response[name] for name in _KEPT if name in response}
    answer = problem(response.status_code, headers=headers)
    answer.cookies = response.cookies
    response.close()
    return answer


class _Formatter(ExceptionFormatter):
    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        errors = error_response.errors
        status = self.exc.status_code
        if error_response.type != "validation_error":
            return told(status, errors[0].detail if errors else "")
        fields = [{"field": each.attr or "", "detail": each.detail} for each in errors]
        first = fields[0] if fields else {"field": "", "detail": WORDS[400]}
        where = f"{first['field']}: " if first["field"] not in ("", "non_field_errors") else ""
        more = f" ({len(fields) - 1} more below.)" if len(fields) > 1 else ""
        return told(status, f"{where}{first['detail']}{more}", fields)


class _Handler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, Http404):
            return Problem(404)
        if isinstance(exc, PermissionDenied):
            return Problem(403, str(exc))
        if isinstance(exc, exceptions.MethodNotAllowed | exceptions.UnsupportedMediaType):
            return Problem(exc.status_code)
        return exc

    def should_not_handle(self, exc: Exception) -> bool:
        # A fault of ours is raised, so that it is logged; `ApiMiddleware` words the answer.
        return not isinstance(exc, exceptions.APIException)

    def format_exception(self, exc: exceptions.APIException) -> Any:
        return _Formatter(exc, self.context, self.exc).run()


def exception_handler(exc: Exception, context: Any) -> Response | None:
    """Answer what an endpoint raised."""
    answer = _Handler(exc, context).run()
    if answer is not None:
        answer.content_type = MEDIA_TYPE
    return answer
