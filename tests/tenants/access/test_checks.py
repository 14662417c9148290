"""What declares no action does not start, and the refusal names it."""

import sys
import types
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.views import View

from tenants.access import checks, declare
from tenants.access.page import matrix_page


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@declare.action("control.explode")
def unknown_action(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@declare.action("control.read")
def needs_a_client(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@declare.public_view(" ")
def no_reason(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class UndeclaredClass(View):
    pass


@declare.action("control.read")
class DeclaredClass(View):
    pass


def faults_of(view: Any, *, conf: str = "CLIENT_URLCONF") -> list[str]:
    module = types.ModuleType("urls_of_a_test")
    module.urlpatterns = [path("x/<int:number>/", view)]  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    empty = types.ModuleType("no_urls_of_a_test")
    empty.urlpatterns = []  # type: ignore[attr-defined]
    sys.modules[empty.__name__] = empty
    confs = {"ROOT_URLCONF": empty.__name__, "CLIENT_URLCONF": empty.__name__, conf: module.__name__}
    with override_settings(**confs):
        return [str(message.msg) for message in checks.views_declare_an_action()]


def test_a_view_without_an_action_stops_the_start_by_name() -> None:
    (fault,) = faults_of(undeclared)
    assert "test_checks.undeclared" in fault
    assert "x/<int:number>/" in fault


def test_a_class_based_view_is_asked_too() -> None:
    (fault,) = faults_of(UndeclaredClass.as_view())
    assert "UndeclaredClass" in fault
    assert faults_of(DeclaredClass.as_view()) == []


def test_an_action_that_is_not_in_the_table_stops_the_start() -> None:
    (fault,) = faults_of(unknown_action)
    assert '"control.explode" is not in the policy table' in fault


def test_a_clients_action_on_the_portals_own_page_stops_the_start() -> None:
    (fault,) = faults_of(needs_a_client, conf="ROOT_URLCONF")
    assert "needs a client" in fault
    assert faults_of(needs_a_client) == []


def test_a_public_view_says_why() -> None:
    (fault,) = faults_of(no_reason)
    assert "no reason is given" in fault


def test_a_server_refuses_to_start() -> None:
    module = types.ModuleType("urls_of_a_test")
    module.urlpatterns = [path("", undeclared)]  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    with (
        override_settings(CLIENT_URLCONF=module.__name__),
        pytest.raises(ImproperlyConfigured, match="undeclared"),
    ):
        checks.refuse_undeclared()


def test_a_command_without_an_action_stops_the_start_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Command(BaseCommand):
        pass

    monkeypatch.setattr(checks, "get_commands", lambda: {"wipe": "evidence", "shell": "django.core"})
    monkeypatch.setattr(checks, "load_command_class", lambda app, name: Command())
    (fault,) = checks.commands_declare_an_action()
    assert "`manage.py wipe`" in str(fault.msg)


def test_everything_that_exists_is_declared() -> None:
    assert checks.views_declare_an_action() == []
    assert [str(fault.msg) for fault in checks.commands_declare_an_action()] == []


def test_the_page_of_the_documentation_is_current() -> None:
    page = settings.BASE_DIR / "docs" / "access.md"
    assert page.read_text(encoding="utf-8") == matrix_page(), "run `python3 manage.py access --write`"


def test_a_reading_action_answers_get_alone() -> None:
    assert dict(declare.declaration_of(needs_a_client).actions) == {
        "GET": "control.read",
        "HEAD": "control.read",
    }  # type: ignore[union-attr]
    both = declare.action("source.read", POST="intake.upload")(lambda request: HttpResponse())
    assert declare.declaration_of(both).names == ("source.read", "intake.upload")  # type: ignore[union-attr]
