"""What every endpoint is: declared for the policy, judged per object, paged, and answered in one form.

    @action("source.read", POST="source.connect")
    class Sources(Listing):
        names = {"GET": "list_sources", "POST": "connect_source"}
        gives = SourceTold
        takes = {"POST": SourceGiven}

What an endpoint declares is also what `/api/v1/schema/` says of it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access.gate import Gate
from tenants.access.policy import Refused
from tenants.api.idempotency import once
from tenants.api.paging import MOST, USUAL, page
from tenants.api.parsing import StrictJson
from tenants.api.problems import Problem, exception_handler
from tenants.clients.models import Client
from tenants.members.models import User

Row = TypeVar("Row", bound=Model)
READS: Final = ("GET", "HEAD")


class SignedIn(BaseAuthentication):
    """Takes over whom the access middleware let in; a session must show its CSRF token with each write."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return the person, and the token that they came by, if any."""
        token = getattr(request, "api_token", None)
        if token is None:
            SessionAuthentication().enforce_csrf(request)
        return request._request.user, token


class OnlyJson(BaseContentNegotiation):
    """Answers JSON whatever the caller says to prefer."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Read JSON alone."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if kind == "application/json" else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Answer JSON alone."""
        return renderers[0], renderers[0].media_type


class Asked(serializers.Serializer[Any]):
    """The parameters of an address; a subclass names its own, and what is not named is refused."""


class Endpoint(APIView):
    """One address. A subclass says what it gives and takes, by method, and has a method for each."""

    # By method: the operation's id, what a body says, which status a good answer has when it is not 200.
    names: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[Mapping[str, type[serializers.Serializer[Any]]]] = {}
    statuses: ClassVar[Mapping[str, int]] = {}
    # What an answer says; None where it is bytes.
    gives: ClassVar[type[serializers.Serializer[Any]] | None] = None
    query: ClassVar[type[serializers.Serializer[Any]]] = Asked
    # The methods that ask for If-Match: who changes a state says which one they saw.
    matched: ClassVar[tuple[str, ...]] = ()
    media_type: ClassVar[str] = "application/json"
    tag: ClassVar[str] = ""

    authentication_classes = (SignedIn,)
    permission_classes = ()
    renderer_classes = (JSONRenderer,)
    parser_classes = (StrictJson,)
    content_negotiation_class = OnlyJson

    def get_exception_handler(self) -> Callable[..., Any]:
        """Refuse in Problem Details."""
        return exception_handler

    @property
    def gate(self) -> Gate:
        """The policy's answers for this request."""
        return self.request.access

    @property
    def client(self) -> Client:
        """The client of the request."""
        return self.request.client

    @property
    def person(self) -> User:
        """Who asks: by session, or the person of a token."""
        principal = self.gate.standing.principal
        assert isinstance(principal, User)
        return principal

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The address's parameters, checked; a write has none."""
        given = self.request.query_params
        query = self.query if self.request.method in READS else Asked
        known = query().fields
        unknown = sorted(set(given) - set(known))
        if unknown:
            names = ", ".join(known) or "none"
            raise serializers.ValidationError(
                {name: [f"There is no such parameter here. Known are: {names}."] for name in unknown}
            )
        twice = sorted(name for name in given if len(given.getlist(name)) > 1)
        if twice:
            raise serializers.ValidationError({name: ["Give it once."] for name in twice})
        checked = query(data=given.dict())
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check, act, answer. A write is one transaction with its idempotency key."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            self.asked  # noqa: B018  (refuses an unknown parameter, whatever the method does)
            response = self._answered()
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        if not self.response.has_header("Cache-Control"):
            self.response["Cache-Control"] = "no-store"
        return self.response

    def _answered(self) -> Any:
        act = getattr(self, str(self.request.method).lower(), self.http_method_not_allowed)

        def acted() -> Any:
            return act(self.request, *self.args, **self.kwargs)

        if self.request.method in READS:
            return acted()
        with transaction.atomic():
            key = self.request.headers.get("Idempotency-Key")
            if key is None:
                return acted()
            answer, replayed = once(self.request._request, key, acted, at=self.gate.at)
            if replayed:
                # It was judged when it was done, for this person and this address.
                self.gate.asked = True
            return answer

    def body(self) -> dict[str, Any]:
        """Return what the body says, checked."""
        given = self.takes[str(self.request.method)](data=self.request.data, context={"view": self})
        given.is_valid(raise_exception=True)
        return given.validated_data

    def one(self, found: QuerySet[Row], action: str | None = None, **key: Any) -> Row:
        """Return the one row of a key that may be seen; absent and foreign are 404 alike."""
        row = found.filter(**key).first()
        if row is None:
            raise Http404
        self.gate.check(row, action)
        return row

    def must(self, row: object, action: str | None = None) -> None:
        """Refuse an act, in words, on what the person may see."""
        if not self.gate.allows(row, action):
            raise Refused(self.gate.standing, action or self.gate.action)

    def locked(self, found: QuerySet[Row], read: str, **key: Any) -> Row:
        """Return the row that a write changes, locked, once `If-Match` has named the state it is in.

        `read` is the action by which it is seen: who may not see it gets 404, who may not do the act 403.
        """
        row = self.one(found.select_for_update(of=("self",)), read, **key)
        self.must(row)
        self.matches(row)
        return row

    def matches(self, shown: Any) -> None:
        """Refuse a write on a state that its sender has not seen."""
        wanted = self.request.headers.get("If-Match")
        if wanted is None:
            raise Problem(428)
        if wanted.strip() not in ("*", etag(self.said(shown))):
            raise Problem(412, "Somebody changed it since you read it. Read it again, then send your change.")

    def said(self, shown: Any, *, many: bool = False) -> Any:
        """Return what an answer says of an object."""
        assert self.gives is not None
        return self.gives(shown, many=many, context={"view": self, "request": self.request}).data

    def told(self, shown: Any) -> Response:
        """Answer an object, with the ETag of what is said of it."""
        said = self.said(shown)
        status = self.statuses.get(str(self.request.method), 200)
        return Response(said, status=status, headers={"ETag": etag(said)})


class Page(Asked):
    """The parameters of every list."""

    cursor = serializers.CharField(
        required=False,
        default="",
        max_length=1000,
        help_text="Where the next page begins; take it from the page before.",
    )
    limit = serializers.IntegerField(
        required=False, default=USUAL, min_value=1, max_value=MOST, help_text="How many on a page."
    )


class Listing(Endpoint):
    """A list of rows by key: a closed list of orders, filters by name, nothing counted."""

    query: ClassVar[type[serializers.Serializer[Any]]] = Page
    # The first order is the usual one: its columns, as `order_by` writes them, the last of them unique.
    orders: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Parameters that are conditions by themselves: name → lookup.
    filters: ClassVar[Mapping[str, str]] = {}

    def found(self) -> QuerySet[Any]:
        """Return every row that may be shown, before filters."""
        raise NotImplementedError

    def shown(self, rows: list[Any]) -> Iterable[Any]:
        """Return those of a page that the person may see, as `gives` takes them."""
        return self.gate.only(rows)

    def get(self, request: Request, **_: Any) -> Response:
        """Answer a page: its rows and the address of the next."""
        asked = self.asked
        given = {
            lookup: asked[name] for name, lookup in self.filters.items() if asked.get(name) not in (None, "")
        }
        columns = self.orders[asked.get("order") or next(iter(self.orders))]
        found = self.found()
        rows, after = page(
            found.filter(**given) if given else found, columns, cursor=asked["cursor"], limit=asked["limit"]
        )
        return Response(
            {"items": self.said(self.shown(rows), many=True), "next": self._next(after) if after else None}
        )

    def _next(self, after: str) -> str:
        given = self.request.query_params.copy()
        given["cursor"] = after
        return self.request._request.build_absolute_uri(f"{self.request.path}?{given.urlencode()}")


def ordered(orders: Mapping[str, tuple[str, ...]]) -> serializers.ChoiceField:
    """Return the parameter that chooses among a list's orders."""
    return serializers.ChoiceField(
        choices=list(orders), required=False, help_text=f"The usual order is {next(iter(orders))}."
    )


def etag(said: Any) -> str:
    """Return the ETag of what is said of an object."""
    text = json.dumps(json.loads(JSONRenderer().render(said)), sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
