"""What every page's frame needs: the client, the switcher, the sections, the person, what they may do."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from tenants.access.policy import Standing, judged_some, role_words, standing
from tenants.clients.models import Client
from tenants.clients.sections import CLIENT_SECTIONS, OWN_PAGES, PORTAL_SECTIONS, SETTINGS_PAGES, Section
from tenants.members.models import User
from tenants.members.selectors import clients_of
from tenants.notifications.selectors import MOST_COUNTED, unread_count
from tenants.templatetags.frame import day

# More clients than this are not listed in the switcher; the cockpit lists them all.
_LISTED: Final = 12
THEME_COOKIE: Final = "theme"
THEMES: Final = frozenset({"light", "dark"})


class _May:
    """`may.package_build` in a template: could the person do `package.build` here to some object."""

    def __init__(self, place: Standing) -> None:
        self._place = place

    def __getitem__(self, name: str) -> bool:
        return judged_some(self._place, name.replace("_", ".", 1))


def client(request: HttpRequest) -> dict[str, Any]:
    """Django's context processor of the frame (see `templates/base.html` for the names)."""
    frame: dict[str, Any] = {
        "client": None,  # and stays so for whom the client does not exist: its name is never shown to them
        "person": None,
        "theme": theme_of(request),
        "start": getattr(request, "portal_prefix", "/"),
    }
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_authenticated:
        return frame
    place = _place(request, user)
    frame["client"] = place.client if place.known else None
    if frame["client"] is not None and _exists("home"):
        frame["start"] = reverse("home")
    nowhere = getattr(request, "client_absent", False) or not place.known
    frame["person"] = _person(user, "" if nowhere else _roles(place))
    frame["may"] = _May(place)
    frame["sections"] = SimpleLazyObject(
        lambda: _shown(request, place, CLIENT_SECTIONS if place.client is not None else PORTAL_SECTIONS)
    )
    frame["settings_pages"] = SimpleLazyObject(lambda: _shown(request, place, SETTINGS_PAGES))
    frame["own_pages"] = SimpleLazyObject(lambda: _shown(request, place, OWN_PAGES))
    if not nowhere:
        frame["bell"] = SimpleLazyObject(lambda: _bell(request, place))
    frame["reader"] = _reader(place)
    if not nowhere and _exists("find") and judged_some(place, "find.read"):
        frame["find"] = reverse("find")
    frame["breakglass"] = _breakglass(place)
    if frame["client"] is not None and not request.own_host:
        frame |= _switcher(request, user)
        frame["portal"] = request.portal_prefix
    return frame


def theme_of(request: HttpRequest) -> str:
    """Return the theme that the person chose, or "" for that of their system."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def client_address(request: HttpRequest, found: Client) -> str:
    """Return the address of a client's home on the portal's host."""
    prefix = getattr(request, "portal_prefix", "/")
    if getattr(request, "own_host", False):
        prefix = f"{settings.PROOFLINE_BASE_URL}/"
    return f"{prefix}c/{found.slug}/"


def _exists(name: str) -> bool:
    try:
        reverse(name)
    except NoReverseMatch:
        return False
    return True


def _place(request: HttpRequest, user: User) -> Standing:
    gate = getattr(request, "access", None)
    if gate is not None:
        return gate.standing
    return standing(user, getattr(request, "client", None), at=timezone.now())


def _roles(place: Standing) -> str:
    return " · ".join(role_words(role) for role in sorted(place.roles))


def _person(user: User, role: str) -> dict[str, str]:
    words = user.full_name.split() or [user.email]
    initials = (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])).upper()
    return {"name": str(user), "initials": initials, "mail": user.email, "role": role}


def _shown(request: HttpRequest, place: Standing, table: tuple[Section, ...]) -> list[dict[str, Any]]:
    if getattr(request, "client_absent", False) or not place.known:
        return []
    shown: list[dict[str, Any]] = []
    for section in table:
        try:
            href = reverse(section.url)
        except NoReverseMatch:
            continue
        if judged_some(place, section.action):
            shown.append({"title": section.title, "href": href, "current": False})
    # The longest address that the page's own begins with is the section one is in.
    inside = [
        s
        for s in shown
        if request.path == s["href"]
        or (request.path.startswith(s["href"]) and s["href"] != get_script_prefix())
    ]
    if inside:
        max(inside, key=lambda s: len(s["href"]))["current"] = True
    return shown


def _bell(request: HttpRequest, place: Standing) -> dict[str, Any] | None:
    if not judged_some(place, "notification.read"):
        return None
    try:
        href = reverse("notifications")
    except NoReverseMatch:
        return None
    count = unread_count(place)
    return {
        "href": href,
        "count": f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else count,
        "words": f"Notifications, {count or 'none'} unread",
    }


def _switcher(request: HttpRequest, user: User) -> dict[str, Any]:
    found = list(clients_of(user, at=timezone.now())[: _LISTED + 1])
    if len(found) < 2:
        return {"places": [], "places_more": 0}
    here = request.client
    listed = found[:_LISTED]
    if here not in listed:
        listed = [here, *listed[:-1]]
    more = clients_of(user, at=timezone.now()).count() if len(found) > _LISTED else 0
    places = [{"name": c.name, "href": client_address(request, c), "current": c == here} for c in listed]
    return {"places": places, "places_more": more}


def _breakglass(place: Standing) -> dict[str, str] | None:
    """What a person in break-glass is told on every page, with the way out."""
    entry = place.breakglass
    if entry is None:
        return None
    minutes = int((entry.expires_at - place.at).total_seconds() // 60)
    left = "less than a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"
    return {
        "banner": f"{left} left. You can read, the database refuses every write, and the client sees what you read. "
        f"Your reason: {entry.reason}",
        "end": reverse("breakglass_end", args=[entry.pk]),
    }


def _reader(place: Standing) -> dict[str, str] | None:
    if place.client is None or not place.is_auditor or place.engagement is None:
        return None
    period = place.period
    if period is None:
        return None
    days = day(period.start) if period.start == period.end else f"{day(period.start)} – {day(period.end)}"
    engagement = place.engagement
    return {
        "banner": f"{engagement} · {days} · access until {day(engagement.access_until)}. "
        "The database refuses every write, and the client sees what you read."
    }
