"""Which client a request is for: by the path `/c/SLUG/…` on the portal's host, or by a host of the client's own.

The prefix becomes the script name, so that admin, sign-in and reversed links work unchanged; everything after it is
resolved by `settings.CLIENT_URLCONF`. A client's own host answers the same at its root. The view, and every chunk of
a streamed answer, runs inside `with client(...)`.

A slug that no client has is treated exactly like a client that is foreign to the person: whoever is not signed in
is sent to sign in, and everybody else gets 404. A host that is neither the portal's nor a client's is 404 at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone

from tenants.clients.models import Client, Host
from tenants.clients.switch import client as at_client

_PREFIX: Final = re.compile(r"^/c/(?P<slug>[^/]*)(?P<rest>/.*)?$", re.DOTALL)
_UNKNOWN_HOST: Final = b"This host is not served here.\n"


class ClientMiddleware:
    """The first middleware. Sets `client` (or None), `client_absent`, `portal_prefix` and `own_host`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Enter the client of the request, if it is for one, and answer."""
        request.client = None
        request.client_absent = False
        request.own_host = False
        request.portal_prefix = get_script_prefix()
        if request.path_info.startswith(settings.STATIC_URL):
            return self.get_response(request)  # the same files for everybody
        host, _ = split_domain_port(request._get_raw_host())
        if host not in settings.PORTAL_HOSTS:
            return self._at_host(request, host)
        match = _PREFIX.match(request.path_info)
        if match is None:
            return self.get_response(request)
        return self._at_path(request, match["slug"], match["rest"])

    def _at_host(self, request: HttpRequest, host: str) -> HttpResponseBase:
        found = Host.objects.select_related("tenant").filter(domain=host).first() if host else None
        if found is None:
            return HttpResponse(_UNKNOWN_HOST, status=404, content_type="text/plain")
        request.own_host = True
        return self._inside(request, found.tenant, request.portal_prefix, request.path_info)

    def _at_path(self, request: HttpRequest, slug: str, rest: str | None) -> HttpResponseBase:
        if rest is None:
            # No slash after the slug: the same for every slug, so that nothing is learned from it.
            if request.method not in ("GET", "HEAD"):
                return HttpResponse(status=404)
            return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
        found = None if "\x00" in slug else Client.objects.filter(slug=slug).first()
        request.client_absent = found is None
        return self._inside(request, found, f"{request.portal_prefix}c/{slug}/", rest)

    def _inside(
        self, request: HttpRequest, found: Client | None, prefix: str, path_info: str
    ) -> HttpResponseBase:
        request.client = found
        request.urlconf = settings.CLIENT_URLCONF
        request.path_info = path_info
        request.META["SCRIPT_NAME"] = prefix.removesuffix("/")
        request.META["PATH_INFO"] = path_info
        before = get_script_prefix()
        set_script_prefix(prefix)
        try:
            if found is None:
                return self.get_response(request)
            with at_client(found), timezone.override(found.tzinfo):
                response = self.get_response(request)
            if response.streaming:
                response.streaming_content = _each_inside(
                    found,
                    prefix,
                    response.streaming_content,
                )
            return response
        finally:
            set_script_prefix(before)


def _each_inside(found: Client, prefix: str, chunks: Iterable[Any]) -> Iterator[Any]:
    """Make every chunk of a streamed answer inside its client, and be at none between two of them."""
    source = iter(chunks)
    while True:
        before = get_script_prefix()
        set_script_prefix(prefix)
        try:
            with at_client(found), timezone.override(found.tzinfo):
                try:
                    chunk = next(source)
                except StopIteration:
                    return
        finally:
            set_script_prefix(before)
        yield chunk
