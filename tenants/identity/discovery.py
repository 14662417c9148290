"""What a provider says of itself (OpenID Connect Discovery 1.0), and what is wrong with it, in words."""

from dataclasses import dataclass
from typing import Any

from tenants.identity.fetch import Provider, Unreachable

_NEEDED = {
    "authorization_endpoint": "where people sign in",
    "token_endpoint": "where a code becomes a token",
    "jwks_uri": "the keys that it signs with",
}


class NoProvider(Unreachable):
    """What answers at the issuer's address is no OpenID provider that people can sign in by; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Described:
    """A provider as it describes itself."""

    issuer: str
    configuration: dict[str, Any]


def describe(issuer: str) -> Described:
    """Ask the issuer for its configuration.

    Raises:
        Unreachable: it could not be asked, or what it answered will not do.
    """
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    answer = Provider().get(address, headers={"Accept": "application/json"})
    if answer.status_code != 200:
        raise NoProvider(
            f"{address} answered {answer.status_code}. Is the issuer spelled as the provider writes it?"
        )
    try:
        said = answer.json()
    except ValueError as error:
        raise NoProvider(
            f"{address} answered something that is no JSON. Is it an OpenID provider?"
        ) from error
    if not isinstance(said, dict):
        raise NoProvider(f"{address} answered JSON that describes no provider.")
    if str(said.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise NoProvider(
            f"It calls itself “{said.get('issuer', '')}”, not “{issuer}”. Enter the issuer as it says it."
        )
    for name, what in _NEEDED.items():
        if not isinstance(said.get(name), str):
            raise NoProvider(f"It does not say {what} ({name}).")
    if "code" not in said.get("response_types_supported", ["code"]):
        raise NoProvider("It offers no sign-in by authorization code (response type “code”).")
    return Described(str(said["issuer"]), said)


def examine(issuer: str) -> str:
    """Return in words that the provider can be used; raises `Unreachable` where not."""
    described = describe(issuer)
    answer = Provider().get(described.configuration["jwks_uri"])
    try:
        keys = answer.json()["keys"] if answer.status_code == 200 else []
    except (ValueError, KeyError, TypeError):
        keys = []
    if not keys:
        raise NoProvider(
            f"{described.configuration['jwks_uri']} holds no keys, so that no token could be verified."
        )
    return f"{described.issuer} answers, describes itself, and shows {len(keys)} key{'' if len(keys) == 1 else 's'}."
