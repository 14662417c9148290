"""Which pages a person can reach: found by following links, named by the routes that answer them."""

from collections import deque
from collections.abc import Iterator, Sequence
from urllib.parse import urldefrag, urljoin, urlsplit

from django.conf import settings
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page, expect

from tests.journeys.portal import Portal

# Routes that answer no page to a GET: files, parts of pages, and what only a form may send.
NO_PAGES = {
    "assign_many": "asks for a fresh second factor first",
    "batch_raw": "bytes",
    "controls_csv": "a file",
    "cockpit_csv": "a file",
    "days_csv": "a file",
    "event_proof": "a file",
    "event_raw": "bytes",
    "events_csv": "a file",
    "exception_call_false": "only a form",
    "exception_close": "only a form",
    "exception_comment": "only a form",
    "exception_fix": "only a form",
    "exception_reopen": "only a form",
    "exception_retest": "only a form",
    "exception_triage": "only a form",
    "exceptions_csv": "a file",
    "members_csv": "a file",
    "member_session_revoke": "only a form",
    "mfa_download_recovery_codes": "a file",
    "mfa_reauthenticate_webauthn": "only a form",
    "provider_callback": "what a provider answers",
    "provider_sign_in": "leads to a provider",
    "package_again": "only a form",
    "package_cancel": "only a form",
    "package_download": "a file",
    "package_findings": "a part of the page that verifies, or a file",
    "package_pdf": "a file",
    "package_progress": "a part of the package's page",
    "push": "for senders",
    "member_role": "only a form",
    "member_deactivate": "only a form",
    "member_reactivate": "only a form",
    "member_invitation_again": "only a form",
    "member_invitation_revoke": "only a form",
    "staff_role": "only a form",
    "staff_deactivate": "only a form",
    "staff_reactivate": "only a form",
    "staff_invitation_again": "only a form",
    "staff_invitation_revoke": "only a form",
    "saved_view": "of a view that a person saved: the journey of the keyboard opens it",
    "saved_view_save": "only a form",
    "session_revoke": "only a form",
    "sessions_revoke_others": "only a form",
    "theme": "only a form",
}
_LINKS = """() => [...document.querySelectorAll("a[href]:not([download])")].map((link) => link.getAttribute("href"))"""


def routes() -> set[str]:
    """The names of all routes of the portal and of a client."""
    found: set[str] = set()
    for conf in (settings.ROOT_URLCONF, settings.CLIENT_URLCONF):
        found |= set(_names(get_resolver(conf)))
    return found


def _names(resolver: URLResolver) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield pattern.name
        elif not str(pattern.pattern).startswith(("admin/", "api/")):
            # The admin's frame is django-unfold's; the API has no pages but its description.
            yield from _names(pattern)


def route_of(path: str) -> str:
    """The name of the route that answers a path of the portal or of a client; empty for none."""
    conf = settings.ROOT_URLCONF
    if path.startswith("/c/"):
        conf, path = settings.CLIENT_URLCONF, "/" + path.split("/", 3)[-1]
    try:
        return get_resolver(conf).resolve(path).url_name or ""
    except Resolver404:
        return ""


def reachable(page: Page, portal: Portal, *, slug: str, seeds: Sequence[str]) -> Iterator[str]:
    """Open one page of every route that a person finds by links, yielding the route's name while the page is open.

    Begins at the addresses of `seeds`, in their order, and follows links below one client and at the portal itself.
    """
    waiting, asked, opened = deque(seeds), set[str](), set[str]()
    while waiting:
        address = waiting.popleft()
        path = urlsplit(address).path
        route = route_of(path)
        # What ends in `_csv` is the page's own table as a file.
        if not route or route in opened or route in NO_PAGES or route.endswith("_csv") or address in asked:
            continue
        if path.startswith("/c/") and not path.startswith(f"/c/{slug}/"):
            continue
        if path.startswith(f"/c/{slug}/admin/"):
            continue  # django-unfold's own pages: its frame is not ours
        asked.add(address)
        page.goto(address)
        # What a page fetches by itself is part of it.
        expect(page.locator("[hx-trigger=load]")).to_have_count(0, timeout=30_000)
        arrived = route_of(urlsplit(page.url).path)
        if arrived not in opened:
            opened.add(arrived)
            yield arrived
        for href in page.evaluate(_LINKS):
            target = urldefrag(urljoin(page.url, href)).url
            if target.startswith(portal.url):
                waiting.append(target)
