"""Asks an identity provider, whose address a client typed in: nothing inside our own network is ever reached by it.

HTTPS only; the name is resolved once and the connection goes to the address that was judged, so that no second answer
of the name server leads elsewhere; no redirects, no proxies; bounded in time and size.
"""

import ipaddress
import socket
import time
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

SECONDS: Final = 5.0  # for one connection or one piece of an answer
LONGEST: Final = 10.0  # for a whole answer
LARGEST: Final = 512 * 1024
# Ways in which an address of the old kind hides in one of the new kind.
_HIDING: Final = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


class Unreachable(requests.RequestException):
    """The provider was not asked, or did not answer as it must; the sentence says why."""


class Provider(requests.Session):
    """A session as allauth wants it, which only asks what the module allows."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", _Judging())
        self.mount("http://", _Judging())

    def request(  # type: ignore[override]
        self, method: str, url: str, **kwargs: Any
    ) -> requests.Response:
        """Ask once; raises `Unreachable` with a sentence."""
        parts = urlsplit(url)
        _refuse_address(url)
        kwargs |= {"timeout": SECONDS, "allow_redirects": False, "stream": True}
        late = time.monotonic() + LONGEST
        try:
            answer = super().request(method, url, **kwargs)
            answer._content = _read(answer, late)
        except Unreachable:
            raise
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"The certificate of {parts.netloc} is not valid for it, or not trusted."
            ) from error
        except requests.exceptions.Timeout as error:
            raise Unreachable(f"{parts.netloc} did not answer within {SECONDS:g} seconds.") from error
        except requests.RequestException as error:
            if isinstance(_cause(error), Unreachable):
                raise _cause(error) from error
            raise Unreachable(
                f"{parts.netloc} cannot be reached: no connection to it could be made."
            ) from error
        if answer.is_redirect:
            raise Unreachable(f"{url} leads to another address, which is not followed. Name the final one.")
        return answer


def may_reach(address: str) -> bool:
    """Tell whether an IP address is one of the public internet (or of this machine, where the setting allows it)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if settings.IDENTITY_PROVIDERS_ON_LOOPBACK and ip.is_loopback:
        return True
    hidden = any(ip.version == network.version and ip in network for network in _HIDING)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not hidden


def _refuse_address(url: str) -> None:
    parts = urlsplit(url)
    loopback = settings.IDENTITY_PROVIDERS_ON_LOOPBACK and parts.scheme == "http"
    if parts.scheme != "https" and not loopback:
        raise Unreachable(f"“{url}” is no HTTPS address. A provider is asked by HTTPS only.")
    if not parts.hostname or "@" in parts.netloc:
        raise Unreachable(f"“{url}” names no host, or a name and password before it. Use https://HOST/….")


def _judged(host: str, port: int) -> str:
    """Resolve a host once and return the address to connect to; none of its addresses may lead inside."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"The name {host} is not known. Is it spelled right?") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(may_reach(each) for each in addresses):
        raise Unreachable(
            f"{host} lies in a private network, where the portal asks nobody. Use its public address."
        )
    return addresses[0]


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        address = (_judged(self._dns_host, self.port), self.port)
        return create_connection(address, self.timeout, self.source_address, self.socket_options)


class _Encrypted(_Plain, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class _Judging(HTTPAdapter):
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}


def _read(answer: requests.Response, late: float) -> bytes:
    kept = bytearray()
    for piece in answer.iter_content(16 * 1024):
        kept += piece
        if len(kept) > LARGEST:
            raise Unreachable(f"{answer.url} answered with more than {LARGEST // 1024} KiB.")
        if time.monotonic() > late:
            raise Unreachable(f"{answer.url} took longer than {LONGEST:g} seconds to answer.")
    return bytes(kept)


def _cause(error: BaseException | None) -> Any:
    """Find the refusal that the libraries wrapped."""
    while error is not None and not isinstance(error, Unreachable):
        error = error.__cause__ or error.__context__
    return error
