"""Refuses at the edge what no page of ours sends and no part behind it could keep: NUL bytes, and forms of megabytes.

The first middleware. PostgreSQL holds no NUL in a text and no half of a surrogate pair, so that one in an address, a
header, a cookie or a field would be a fault wherever it arrived. What sources push is evidence and goes
through as it is; bodies sent to the API are judged there.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tenants.access.declare import declaration_of
from tenants.api.problems import problem

NUL: Final = "\x00"
_API: Final = "/api/v1/"
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
# Bytes of a source, of any size that its own view allows.
_TAKE_BYTES: Final = frozenset({"intake.push", "intake.upload"})
# So much of a refused body is read, so that the answer arrives and is not cut off by what is still being sent.
_DRAINED: Final = 32 * 1024 * 1024
_CHUNK: Final = 64 * 1024


class Edge:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Judge the address, the headers and the cookies; then answer."""
        if any(NUL in text for text in _head(request)):
            if _API in request.path:
                return problem(
                    400, "The address or a header contains a NUL byte, which no text here can hold."
                )
            return refuse(request, 400)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Judge the body, once it is known whether the view takes bytes or a form."""
        if _API in request.path:
            return None  # it judges bodies itself, and says what is wrong with one in the form of its errors
        declared = declaration_of(view)
        action = declared.actions.get(request.method or "") if declared else None
        if action not in _TAKE_BYTES and _length(request) > settings.FORM_LIMIT:
            return refuse(request, 413)
        try:
            form = request.method == "POST" and request.content_type in _FORMS
            bad = form and any(NUL in text for text in _fields(request))
        except RequestDataTooBig:
            return refuse(request, 413)
        return refuse(request, 400) if bad else None


def refuse(request: HttpRequest, status: int) -> HttpResponse:
    """Answer on a page, in words."""
    if status == 413:
        left = _DRAINED
        while left > 0 and (piece := request.read(_CHUNK)):
            left -= len(piece)
    return render(request, f"{status}.html", status=status)


def _head(request: HttpRequest) -> Iterator[str]:
    yield request.path_info
    yield unquote_to_bytes(request.META.get("QUERY_STRING", "")).decode("latin-1")
    for name, value in request.META.items():
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            yield str(value)
    for name, value in request.COOKIES.items():
        yield from (name, value)


def _fields(request: HttpRequest) -> Iterator[str]:
    for name, values in request.POST.lists():
        yield name
        yield from map(str, values)
    for name, files in request.FILES.lists():
        yield name
        yield from (str(file.name) for file in files)


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
