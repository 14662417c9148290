"""The only ways to be at a client: `with client(...)`, and back at none: `with public()`.

Entering says which schema the thread's connection wants; nothing is sent, for the database backend confirms
the path with the next statement. Leaving restores what was before, also after an error, and sends nothing.
No thread is ever at a client by itself: outside of these blocks only `public` is readable.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tenants.clients.models import Client


class NoClient(LookupError):
    """A client was needed and none is entered, or the one named does not exist."""


def find(which: Client | str | uuid.UUID) -> Client:
    """Return the client named by its slug or UUID (also as text); a `Client` is returned as it is.

    `NoClient` names what was looked for. It is for code and commands, not for pages: those answer alike for
    absent and foreign clients.
    """
    if isinstance(which, Client):
        return which
    wanted = {"id": which} if isinstance(which, uuid.UUID) else _by_text(which)
    found = Client.objects.filter(**wanted).first()
    if found is None:
        raise NoClient(f'There is no client "{which}". `manage.py client list` names those there are.')
    return found


def _by_text(text: str) -> dict[str, object]:
    # A slug is at most 40 characters and may look like hex; only the full form of a UUID is read as one.
    if len(text) == 36 and text.count("-") == 4:
        with contextlib.suppress(ValueError):
            return {"id": uuid.UUID(text)}
    return {"slug": text}


@contextlib.contextmanager
def client(which: Client | str | uuid.UUID) -> Iterator[Client]:
    """Be at one client within the block. Blocks nest; the inner one rules until it is left.

    A queryset that is read in chunks (`iterator()`) is read inside the block that opened it: its rows are
    refused elsewhere.
    """
    found = find(which)
    before = (connection.tenant, connection.include_public_schema)
    connection.set_tenant(found)
    try:
        yield found
    finally:
        connection.set_tenant(*before)


@contextlib.contextmanager
def public() -> Iterator[None]:
    """Be at no client within the block: only what the shared app keeps in `public` is there."""
    before = (connection.tenant, connection.include_public_schema)
    connection.set_schema_to_public()
    try:
        yield
    finally:
        connection.set_tenant(*before)


def current_client() -> Client:
    """Return the client this code is at; `NoClient` if it is at none."""
    at = connection.tenant
    if not isinstance(at, Client):
        raise NoClient("This code needs a client and is at none. Run it inside `with client(...)`.")
    return at


def connection_aside() -> BaseDatabaseWrapper:
    """Make a second connection at the present client, for what must not share the first one's transaction.

    Whoever asks for it closes it.
    """
    aside = connections.create_connection("default")
    aside.set_tenant(current_client())
    return aside
