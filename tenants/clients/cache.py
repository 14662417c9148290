"""Keys of the cache carry the client, so that no client can be answered from another's entries."""

from typing import Final

from tenants.clients.switch import NoClient, current_client

# Throttles and used codes belong to people, who exist once: they must count alike at every address.
_OF_PEOPLE: Final = ("allauth",)


def key_of(key: str, key_prefix: str, version: int) -> str:
    """Return the stored key: `scope:prefix:version:key`, where the scope is the client's id, `portal` or `people`.

    Django's `KEY_FUNCTION`.
    """
    if key.startswith(_OF_PEOPLE):
        scope = "people"
    else:
        try:
            scope = str(current_client().pk)
        except NoClient:
            scope = "portal"
    return f"{scope}:{key_prefix}:{version}:{key}"
