"""A real OpenID provider on this machine, in a thread of its own; and ways in which one can be wrong."""

import base64
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import oidc_provider_mock
import requests
from werkzeug.serving import make_server

Change = Callable[[dict[str, Any]], None]


@dataclass
class Running:
    """A provider that answers at `issuer`. What it answers and is asked can be changed on the way."""

    issuer: str = ""
    # What happens to the answer of a path before it is sent, and to a query before it arrives.
    answers: dict[str, Change] = field(default_factory=dict)
    queries: dict[str, Change] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def knows(self, subject: str, **claims: Any) -> None:
        """Let the provider know a person by a subject and what it says of them."""
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()

    def consents(self, address: str, subject: str) -> str:
        """Sign in at the provider as a person would; return where it sends the browser back to."""
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def running(*, token_age: timedelta = timedelta(hours=1)) -> Iterator[Running]:
    """Run a provider while the block lasts."""
    told = Running()
    app = oidc_provider_mock.app(access_token_max_age=token_age)
    server = make_server("127.0.0.1", 0, _changing(app.wsgi_app, told), threaded=True)
    told.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _changing(app: Any, told: Running) -> Any:
    def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        told.asked.append(path)
        if path in told.queries:
            query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
            told.queries[path](query)
            environ["QUERY_STRING"] = urlencode(query)
        if path in told.hosts:
            environ["HTTP_HOST"] = told.hosts[path]
        if path not in told.answers:
            return app(environ, start)
        kept: list[Any] = []
        body = b"".join(app(environ, lambda status, headers, info=None: kept.extend((status, headers))))
        said = json.loads(body)
        told.answers[path](said)
        body = json.dumps(said).encode()
        headers = [each for each in kept[1] if each[0].lower() != "content-length"]
        start(kept[0], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return answered


def unsigned(token: str) -> str:
    """The same claims under the algorithm "none"."""
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def with_claims(token: str, **claims: Any) -> str:
    """Other claims under the signature of the old ones."""
    head, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | claims
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def path_of(address: str) -> str:
    """The path and query of an address."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
