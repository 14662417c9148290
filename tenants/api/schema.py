"""The API's description (OpenAPI 3.1), made from what endpoints declare, as a document and as a page."""

import json
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from tenants.access.declare import own_session, public_view
from tenants.access.policy import words_of

INTRO: Final = """Everything that the portal's pages show and do, as JSON. Each operation names the action of the
policy table that it needs. Sign in with `Authorization: Bearer TOKEN`, or in a browser with the portal's session and
its CSRF token. Lists come in pages: follow `next`. Refusals are Problem Details (RFC 9457). Writes take an
`Idempotency-Key`; those that change a state ask for `If-Match`. Evidence itself is not sent here but pushed to
`POST /intake/SOURCE`, with a token of the source (see the page of the source in the portal)."""


class ProblemTold(serializers.Serializer[Any]):
    """A refusal (RFC 9457): what is wrong and what to do next; `errors` names fields."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(child=serializers.CharField()), required=False
    )


class Schema(AutoSchema):
    """Reads what an `Endpoint` declares."""

    def get_operation_id(self) -> str:
        """Return the name that the endpoint gives."""
        return self.view.names[self.method]

    def get_tags(self) -> list[str]:
        """Return the room."""
        return [self.view.tag or self.view.__module__.split(".")[-2]]

    def get_summary(self) -> str:
        """Return the first line of the method's, else of the class's own words."""
        own = getattr(self.view, self.method.lower()).__doc__ or ""
        text = self.view.__doc__ if own.startswith("Answer a page") or not own else own
        return (text or "").strip().splitlines()[0]

    def get_description(self) -> str:  # type: ignore[override]
        """Say which action of the policy table is needed."""
        name = self.view.access.actions[self.method]
        return f"{self.get_summary()}\n\nNeeds the action `{name}` of the policy table ({words_of(name)})."

    def get_extensions(self) -> dict[str, Any]:
        """Name the action for programs."""
        return {"x-policy-action": self.view.access.actions[self.method]}

    def get_auth(self) -> list[dict[str, Any]]:
        """A token or a session."""
        return [{"bearer": []}, {"session": []}]

    def get_examples(self) -> list[OpenApiExample]:
        """Return what a body may say."""
        takes = self.view.takes.get(self.method)
        said = getattr(takes, "example", None)
        return [OpenApiExample(self.view.names[self.method], said, request_only=True)] if said else []

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Name what is told by the thing itself."""
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Told")

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False

    def get_override_parameters(self) -> list[Any]:
        """Return the address's parameters, and the headers of a write."""
        found: list[Any] = []
        if self.method == "GET" and self.view.query._declared_fields:
            found.append(self.view.query)
        if self.method != "GET":
            found.append(
                _header("Idempotency-Key", "The same key and body have one effect and one answer, for a day.")
            )
        if self.method in self.view.matched:
            found.append(
                _header("If-Match", "The ETag of what was read; another state answers 412.", required=True)
            )
        return found

    def get_request_serializer(self) -> Any:
        """Return what the body says."""
        return self.view.takes.get(self.method)

    def get_response_serializers(self) -> Any:
        """Return what good and bad answers say."""
        view, status = self.view, self.view.statuses.get(self.method, 200)
        gives: Any = OpenApiTypes.BINARY if view.gives is None else view.gives
        if self.method == "GET" and hasattr(view, "orders"):
            gives = page_of(view.gives)
        told: dict[Any, Any] = {(status, view.media_type): gives}
        refused = [400, 401, 403, 404, 429]
        if self.method != "GET":
            refused += [409, 413, 415, 422, *([412, 428] if self.method in view.matched else [])]
        elif view.gives is None:
            refused.append(410)
        return told | {(code, "application/problem+json"): ProblemTold for code in refused}


def _header(name: str, text: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=text, required=required
    )


@cache
def page_of(gives: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Return the serializer of a page of a list."""
    fields = {
        "items": gives(many=True),
        "next": serializers.URLField(
            allow_null=True, help_text="The address of the next page; null at the end."
        ),
    }
    return type(f"{gives.__name__.removesuffix('Told')}Page", (serializers.Serializer,), fields)


@cache
def described(urlconf: str) -> dict[str, Any]:
    """Return the description of a URL conf's API, made once per process."""
    made = SchemaGenerator(urlconf=urlconf).get_schema(request=None, public=True)
    return {**made, "info": {**made["info"], "description": INTRO}}


def _here(request: HttpRequest) -> dict[str, Any]:
    urlconf = getattr(request, "urlconf", settings.ROOT_URLCONF)
    server = {"url": get_script_prefix().rstrip("/") or "/"}
    return {**described(urlconf), "servers": [server]}


@public_view("describes the API, which is the same at every client; no client is asked for")
def schema(request: HttpRequest) -> HttpResponse:
    """Answer the description as a document (OpenAPI 3.1)."""
    return JsonResponse(_here(request), json_dumps_params={"indent": 1})


@own_session("describes the API, which is the same at every client; no client is asked for")
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description as a page."""
    whole = _here(request)
    rooms: dict[str, list[dict[str, Any]]] = {}
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            rooms.setdefault(operation["tags"][0], []).append(_shown(path, method, operation, whole))
    prefix = whole["servers"][0]["url"].rstrip("/")
    context = {
        "rooms": rooms,
        "prefix": prefix,
        "base": f"{request.scheme}://{request.get_host()}",
        "first": next(iter(whole["paths"])),
        "intro": INTRO.split("`"),  # every second piece is code
    }
    return render(request, "tenants/api.html", context)


def _shown(path: str, method: str, operation: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says of one operation."""
    given = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = given.get("schema")
    examples = [each["value"] for each in given.get("examples", {}).values()]
    return {
        "path": path,
        "method": method.upper(),
        "id": operation["operationId"],
        "summary": operation["summary"],
        "action": operation["x-policy-action"],
        "parameters": [
            {**each, "kind": _kind(each["schema"], whole)} for each in operation.get("parameters", [])
        ],
        "body": _fields(body, whole) if body else [],
        "example": json.dumps(examples[0], indent=2) if examples else "",
        "answers": [
            {"status": status, "fields": _fields(each["schema"], whole), "media_type": kind}
            for status, answer in operation["responses"].items()
            for kind, each in answer.get("content", {}).items()
            if status.startswith("2")
        ],
    }


def _fields(shape: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    shape = _resolved(shape, whole)
    if "items" in shape.get("properties", {}) and "next" in shape["properties"]:
        shape = _resolved(shape["properties"]["items"]["items"], whole)
    required = set(shape.get("required", ()))
    return [
        {
            "name": name,
            "kind": _kind(each, whole),
            "required": name in required,
            "text": each.get("description", ""),
        }
        for name, each in shape.get("properties", {}).items()
    ]


def _resolved(shape: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in shape:
        return whole["components"]["schemas"][shape["$ref"].rsplit("/", 1)[1]]
    return shape


def _kind(shape: dict[str, Any], whole: dict[str, Any]) -> str:
    for word in ("oneOf", "anyOf", "allOf"):
        if word in shape:
            return " or ".join(dict.fromkeys(_kind(each, whole) for each in shape[word]))
    shape = _resolved(shape, whole)
    if "enum" in shape:
        return ", ".join("null" if each is None else str(each) for each in shape["enum"] if each != "")
    kind = shape.get("type", "any value")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array":
        return f"list of {_kind(shape.get('items', {}), whole)}"
    return f"{kind} ({shape['format']})" if "format" in shape else kind
