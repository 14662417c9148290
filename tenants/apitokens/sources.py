"""The sources to which a token can be narrowed: the app on the right that has them says which there are."""

from collections.abc import Callable, Iterable

from tenants.clients.models import Client
from tenants.clients.switch import client as at_client

Named = Iterable[tuple[str, str]]
_lists: list[Callable[[], Named]] = []


def offer(connected: Callable[[], Named]) -> None:
    """Have `connected` asked for the present client's sources, as (slug, title)."""
    if connected not in _lists:
        _lists.append(connected)


def sources(client: Client) -> list[tuple[str, str]]:
    """Return (slug, title) of each source of a client, by title."""
    with at_client(client):
        return sorted((each for connected in _lists for each in connected()), key=lambda each: each[1])
