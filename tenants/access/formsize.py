"""Refuses forms that no person fills in, before anything is made of them. Files are the upload's own matter."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tenants.access.declare import declaration_of

_MOST: Final = 1024 * 1024  # bytes or characters of a form's text
_LINES: Final = "application/x-www-form-urlencoded"
_PARTS: Final = "multipart/form-data"


class FormSizeMiddleware:
    """Answers 413 in words where the texts of a form are larger than `_MOST`; stands before what reads the form.

    A view whose caller is a token takes bodies of its own limits.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the view run (None), or refuse the form."""
        declared = declaration_of(view)
        if declared is not None and declared.kind == "token":
            return None
        return render(request, "413.html", status=413) if _too_large(request) else None


def _too_large(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) <= _MOST:
        return False
    if request.content_type == _PARTS:
        return sum(len(text) for _, texts in request.POST.lists() for text in texts) > _MOST
    return request.content_type == _LINES
