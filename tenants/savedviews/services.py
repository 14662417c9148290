"""Keeping, changing and forgetting a saved view: always one's own."""

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.http import QueryDict

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.savedviews.models import SavedView

MOST: Final = 30
LONGEST: Final = 500
# Of an address these say where one was, not what one looks at.
_PASSING: Final = ("page", "select", "client", "selected")


class Refused(ValueError):
    """A view that is not kept; the message says why and what to do."""


def tidied(query: str) -> str:
    """Return what of an address's query string a saved view keeps, in the order of names."""
    given = QueryDict(query.replace("\x00", "")[: 4 * LONGEST])
    kept = QueryDict(mutable=True)
    for name in sorted(given):
        if name not in _PASSING and any(values := [value for value in given.getlist(name) if value]):
            kept.setlist(name, values)
    return kept.urlencode()


def save_view(
    user: User, *, page: str, client: Client | None, name: str, query: str, at: datetime
) -> SavedView:
    """Keep a page's filters and order under a name of the person's own."""
    query = tidied(query)
    if len(query) > LONGEST:
        raise Refused("These filters are too long to be kept. Take some away.")
    if SavedView.objects.filter(user=user, page=page, client=client).count() >= MOST:
        raise Refused(f"{MOST} views are kept for one page. Delete one that you no longer use.")
    view = SavedView(user=user, page=page, client=client, query=query, created_at=at)
    return _named(view, name)


def change_view(view: SavedView, *, name: str, default: bool) -> SavedView:
    """Rename a view, and say whether its page opens with it; at most one view of a page does."""
    with transaction.atomic():
        if default:
            others = SavedView.objects.filter(user=view.user, page=view.page, client=view.client)
            others.exclude(pk=view.pk).update(is_default=False)
        view.is_default = default
        return _named(view, name)


def _named(view: SavedView, name: str) -> SavedView:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise Refused("A view needs a name.")
    view.name = name[:60]
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Refused(f"You have a view “{view.name}” here already. Choose another name.") from error
    return view
