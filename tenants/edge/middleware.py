"""Refuses at the edge what no page of ours sends and no part behind it could keep: NUL bytes, and forms of megabytes.

The first middleware. PostgreSQL holds no NUL in a text and no half of a surrogate pair, so that one in an address, a
header, a cookie, a field or a JSON body would be a fault wherever it arrived. What sources push is evidence and goes
through as it is.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tenants.access.declare import declaration_of

NUL: Final = "\x00"
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
            return refuse(request, 400)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Judge the body, once it is known whether the view takes bytes or a form."""
        declared = declaration_of(view)
        action = declared.actions.get(request.method or "") if declared else None
        if action not in _TAKE_BYTES and _length(request) > settings.FORM_LIMIT:
            return refuse(request, 413)
        try:
            if request.content_type in _FORMS and request.method == "POST":
                bad = any(NUL in text for text in _fields(request))
            else:
                bad = (
                    request.content_type == "application/json"
                    and action not in _TAKE_BYTES
                    and _bad(request.body)
                )
        except RequestDataTooBig:
            return refuse(request, 413)
        return refuse(request, 400) if bad else None


def refuse(request: HttpRequest, status: int) -> HttpResponse:
    """Answer in words, on a page or, to a program, in the form of the API's errors."""
    if status == 413:
        left = _DRAINED
        while left > 0 and (piece := request.read(_CHUNK)):
            left -= len(piece)
    if "/api/" not in request.path_info:
        return render(request, f"{status}.html", status=status)
    detail = {
        400: "The request holds a NUL byte or half of a character. Send text as Unicode, without control characters.",
        413: f"The request holds more than {settings.FORM_LIMIT} bytes. Send less at once.",
    }[status]
    code = {400: "invalid", 413: "too_large"}[status]
    error = {"code": code, "detail": detail, "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=status)


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


def _bad(body: bytes) -> bool:
    """Tell whether a JSON text holds NUL or half a surrogate pair; what is no JSON is somebody else's to refuse."""
    if NUL.encode() not in body and b"\\u" not in body:
        return False
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return NUL.encode() in body
    return any(NUL in text or not _whole(text) for text in _texts([read]))


def _whole(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _texts(waiting: list[Any]) -> Iterable[str]:
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend((*value.keys(), *value.values()))
