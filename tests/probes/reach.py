"""Every route of the portal, filled in so that it can really be called, and what an answer says all told."""

import contextlib
import gzip
import io
import itertools
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.http.response import HttpResponseBase
from django.test import Client as Browser
from django.urls import converters
from django.urls.resolvers import RoutePattern

from tenants.access.checks import Route
from tenants.members.models import User

MOST_TRIES = 3000


class CannotCallError(AssertionError):
    """A route that the probe cannot reach; a probe that skips is a probe that lies."""


@dataclass
class Ids:
    """What identifies things of the planted client, by the kind of thing an address can carry."""

    numbers: set[int] = field(default_factory=set)
    uuids: set[uuid.UUID] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    by_name: dict[str, set[str]] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int):
            self.numbers.add(value)
        elif isinstance(value, uuid.UUID):
            self.uuids.add(value)
        elif isinstance(value, (bytes, memoryview)):
            value = bytes(value).hex()
            self.texts.add(value)
        elif isinstance(value, str) and 0 < len(value) <= 120:
            self.texts.add(value)
        else:
            return
        self.by_name.setdefault(name, set()).add(str(value))


def ids_of(rows: Iterable[models.Model], *, most_per_model: int = 12) -> Ids:
    """Collect keys and every other value that could name a row, from all tables of the client we are at."""
    ids = Ids()
    for model in {type(row) for row in rows}:
        kind = model._meta.model_name or ""
        for row in model._default_manager.order_by("pk")[:most_per_model]:
            for column in model._meta.concrete_fields:
                value = getattr(row, column.attname)
                named = (
                    column.primary_key
                    or column.unique
                    or isinstance(column, (models.CharField, models.BinaryField))
                )
                if named or isinstance(column, (models.ForeignKey, models.IntegerField)):
                    ids.add(column.name, value)
                    ids.add(kind if column.primary_key else column.attname, value)
    return ids


def fillings(route: Route, ids: Ids) -> Iterator[dict[str, Any]]:
    """Yield arguments for a route's converters: values named like the parameter first, then all of its type.

    Of several parameters the nearest few of each are paired before the first is tried with all of the second.
    """
    names = _parameters(route)
    choices = [_candidates(name, converter, ids, route) for name, converter in names.items()]
    nearest = (itertools.product(*(choice[:width] for choice in choices)) for width in (4, 16))
    every = itertools.chain(*nearest, itertools.product(*choices))
    for values in itertools.islice(every, MOST_TRIES):
        yield dict(zip(names, values, strict=True))


def _parameters(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in re.findall(r"<(?:(?P<kind>[^>:]+):)?(?P<name>\w+)>", route.pattern) and [
        (m["name"], m["kind"] or "str")
        for m in re.finditer(r"<(?:(?P<kind>[^>:?]+):)?(?P<name>\w+)>", route.pattern)
    ]:
        known = converters.get_converters()
        if kind not in known:
            raise CannotCallError(f"The probe does not know the converter {kind!r} of /{route.pattern}.")
        found[name] = known[kind]
    if "(?P<" in route.pattern or not isinstance(route.url_pattern.pattern, RoutePattern):
        raise CannotCallError(
            f"The probe cannot fill the regular expression of /{route.pattern}; write it as a path."
        )
    return found


def _candidates(name: str, converter: Any, ids: Ids, route: Route) -> list[Any]:
    accepts = re.compile(f"(?:{converter.regex})\\Z")
    # The word before a parameter names its kind: `control/<path:object_id>/`.
    kinds = set(route.pattern.partition("<")[0].split("/"))
    near = (
        [key for key in ids.by_name if key in kinds],
        [key for key in ids.by_name if key == name or key in name or name in key],
    )
    like = [text for keys in near for key in keys for text in sorted(ids.by_name[key])]
    kind = {int: ids.numbers, uuid.UUID: ids.uuids}
    rest: list[Any] = sorted(str(value) for values in kind.values() for value in values) + sorted(ids.texts)
    texts = [text for text in dict.fromkeys([*like, *rest]) if accepts.match(text)]
    if not texts:
        raise CannotCallError(
            f"The probe has no value for <{name}> of /{route.pattern}. Plant one (canaries.py)."
        )
    return [converter.to_url(converter.to_python(text)) for text in texts]


def path_of(route: Route, filling: dict[str, Any]) -> str:
    """Write the address of a route below its prefix."""
    return re.sub(
        r"<(?:[^>:]+:)?(\w+)>", lambda match: quote(str(filling[match[1]]), safe="/~:@"), route.pattern
    )


@dataclass
class Person:
    """Somebody who calls: nobody, or a user; and what they bring."""

    name: str
    user: User | None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._session: str | None = None

    def call(self, method: str, path: str, *, host: str | None = None) -> HttpResponseBase:
        defaults: dict[str, Any] = {"HTTP_HOST": host} if host else {}
        browser = Browser(raise_request_exception=False, **defaults)
        if self.user is not None:
            if self._session is None:
                browser.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
                self._session = browser.cookies[settings.SESSION_COOKIE_NAME].value
            browser.cookies[settings.SESSION_COOKIE_NAME] = self._session
        json = method in ("PUT", "PATCH") or (method == "POST" and "/api/v1/" in path)
        body = {"content_type": "application/json", "data": b"{}"} if json else {}
        answer = getattr(browser, method.lower())(path, headers=self.headers, **body)
        if settings.SESSION_COOKIE_NAME in answer.cookies:
            self._session = None  # signed out, or given another session: sign in anew
        return answer


def said(answer: HttpResponseBase, path: str) -> str:
    """Return everything an answer says, in small letters: head, cookies, body, and what is packed in it.

    The address that was asked for is taken out: repeating it tells nobody anything.
    """
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    parts = [f"{name}: {value}" for name, value in answer.headers.items()]
    parts += [str(cookie) for cookie in answer.cookies.values()]
    parts += texts_in(body)
    return without("\n".join(parts), path).lower()


def without(text: str, path: str) -> str:
    """Take an address that was asked for out of a text."""
    for own in {path, quote(path), quote(path, safe=""), path.partition("?")[0]} - {"/", ""}:
        text = text.replace(own, "")
    return text


def texts_in(body: bytes, depth: int = 0) -> Iterator[str]:
    """Yield every text in some bytes: themselves, and what is packed in them."""
    yield body.decode("utf-8", "replace")
    yield body.decode("utf-16", "replace") if body[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    if depth > 3:
        return
    if body[:2] == b"\x1f\x8b":
        yield from texts_in(gzip.decompress(body), depth + 1)
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                yield member.filename
                yield from texts_in(archive.read(member), depth + 1)
    if body[:5] == b"%PDF-":
        import pypdfium2

        # What no reader can open says nothing besides its bytes.
        with contextlib.suppress(pypdfium2.PdfiumError):
            for page in pypdfium2.PdfDocument(body):
                yield page.get_textpage().get_text_range()
