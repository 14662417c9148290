"""The description of the API: valid, complete, and nothing in it that is not so."""

import logging

import pytest
from django.conf import settings
from django.test import Client as Browser
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tenants.access.checks import Route, routes, views_declare_an_action
from tenants.access.policy import POLICY, is_read
from tenants.api.endpoint import Endpoint
from tenants.api.schema import described
from tests import make
from tests.tenants.api.conftest import World

URLCONFS = [settings.ROOT_URLCONF, settings.CLIENT_URLCONF]


def endpoints(urlconf: str) -> list[Route]:
    return [each for each in routes(urlconf) if isinstance(getattr(each.view, "cls", None), type)]


@pytest.mark.parametrize("urlconf", URLCONFS)
def test_it_is_valid_openapi_3_1(urlconf: str) -> None:
    found = described(urlconf)
    assert found["openapi"].startswith("3.1")
    validate_schema(found)


@pytest.mark.parametrize("urlconf", URLCONFS)
def test_it_is_made_without_a_warning(urlconf: str, caplog: pytest.LogCaptureFixture) -> None:
    GENERATOR_STATS.reset()
    with caplog.at_level(logging.WARNING):
        SchemaGenerator(urlconf=urlconf).get_schema(request=None, public=True)
    assert not GENERATOR_STATS, (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache))


@pytest.mark.parametrize("urlconf", URLCONFS)
def test_every_operation_is_declared_and_none_is_missing(urlconf: str) -> None:
    paths = described(urlconf)["paths"]
    told = {
        (path.replace("{", "<").replace("}", ">"), method.upper(), operation["x-policy-action"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    declared = set()
    for route in endpoints(urlconf):
        assert issubclass(route.view.cls, Endpoint), route.pattern
        pattern = "/" + route.pattern
        for kind in ("int:", "str:", "slug:", "uuid:"):
            pattern = pattern.replace(f"<{kind}", "<")
        declared |= {(pattern, m, a) for m, a in route.declared.actions.items() if m != "HEAD"}
    assert told == declared
    assert all(action in POLICY for *_, action in told)
    names = [o["operationId"] for methods in paths.values() for o in methods.values()]
    assert len(names) == len(set(names))
    assert all(is_read(action) == (method == "GET") for _, method, action in told)


def test_every_body_has_an_example_that_fits(world: World) -> None:
    for path, methods in described(settings.CLIENT_URLCONF)["paths"].items():
        for operation in methods.values():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                assert content.get("examples"), path
    for route in endpoints(settings.CLIENT_URLCONF):
        for takes in route.view.cls.takes.values():
            given = takes(data=takes.example)
            assert given.is_valid(), (route.pattern, given.errors)


def test_an_endpoint_without_an_action_stops_the_start_by_name(settings) -> None:
    settings.CLIENT_URLCONF = "tests.tenants.api.undeclared"
    wrong = [each.msg for each in views_declare_an_action()]
    assert len(wrong) == 2, wrong
    assert "Undeclared" in wrong[0]
    assert "declares no action" in wrong[0]
    assert "HalfDeclared" in wrong[1]
    assert "DELETE" in wrong[1]


def test_the_document_is_the_same_at_every_client_and_names_the_address_it_was_asked_at(world: World) -> None:
    here = Browser().get("/c/harbor/api/v1/schema/").json()
    absent = Browser().get("/c/nobody-here/api/v1/schema/").json()
    assert here["servers"] == [{"url": "/c/harbor"}]
    assert absent["servers"] == [{"url": "/c/nobody-here"}]
    assert here["paths"] == absent["paths"]
    assert Browser(HTTP_HOST="harbor.example").get("/api/v1/schema/").json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize("place", ["/api/v1/docs/", "/c/harbor/api/v1/docs/"])
def test_the_page_needs_no_other_host_and_no_inline_script(world: World, place: str) -> None:
    answer = make.signed_in(world.people["CA"]).get(place)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "https://" not in page
    assert "http://" not in page.replace("http://testserver", "").replace("http://www.w3.org", "")
    assert "<script>" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    for operation in described(URLCONFS["/c/" in place])["paths"].values():
        for each in operation.values():
            assert f'id="{each["operationId"]}"' in page
