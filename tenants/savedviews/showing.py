"""Saved views on a list page: as chips, with what saves the present one (`components/saved_views.html`).

saved = saved_views(request, "exceptions")
if saved.instead:
    return redirect(saved.instead)      # the page was opened without a filter, and a view is its default
"""

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from tenants.access.gate import Gate
from tenants.members.models import User
from tenants.savedviews.models import SavedView
from tenants.savedviews.services import tidied

# The pages that have saved views: the name of the address, by the page's key.
PAGES: Final = {"cockpit": "start", "exceptions": "exceptions", "mywork": "mywork"}


@dataclass(frozen=True, slots=True)
class Saved:
    """What the component shows, and the address of the default view where it should be opened instead."""

    page: str
    views: list[dict[str, Any]]
    current: dict[str, Any] | None
    query: str
    may_save: bool
    instead: str


def saved_views(request: HttpRequest, page: str) -> Saved:
    """Return a person's saved views of a page, in one query."""
    user, gate = request.user, request.access
    assert isinstance(user, User)
    query = tidied(request.GET.urlencode())
    found = SavedView.objects.filter(user=user, page=page, client=request.client).order_by("name", "pk")
    views = [
        {
            "name": each.name,
            "href": address_of(each),
            "edit": reverse("saved_view", args=[each.pk]),
            "current": bool(query) and each.query == query,
            "default": each.is_default,
        }
        for each in found
    ]
    default = next((address_of(each) for each in found if each.is_default and each.query), "")
    return Saved(
        page=page,
        views=views,
        current=next((each for each in views if each["current"]), None),
        query=query,
        may_save=can_keep(gate),
        instead=default if not request.GET else "",
    )


def can_keep(gate: Gate) -> bool:
    """Tell whether views can be kept here: an auditor's requests at a client write nothing."""
    return gate.may("saved_view.write") and not (gate.standing.is_auditor and gate.standing.client)


def address_of(view: SavedView) -> str:
    """Return the address that shows a view."""
    path = reverse(PAGES[view.page])
    return f"{path}?{view.query}" if view.query else path
