"""Addresses to be sent to people, outside of any request."""

from urllib.parse import urlsplit

from django.conf import settings

from tenants.clients.models import Client, Host


def address_of(client: Client | None, path: str = "") -> str:
    """Return the whole address of a path (without a slash before) at a client, or at the portal without one.

    A client with a host of its own is reached there, by the scheme and port of the portal.
    """
    base = settings.PROOFLINE_BASE_URL
    if client is None:
        return f"{base}/{path}"
    host = Host.objects.filter(tenant=client, is_primary=True).first()
    if host is None:
        return f"{base}/c/{client.slug}/{path}"
    parts = urlsplit(base)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host.domain}{port}/{path}"
