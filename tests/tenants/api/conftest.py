"""A client full of real data, and a way to ask its API as anybody."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import models
from django.test import Client as Browser
from django.utils import timezone

from controls.catalogue.models import Control
from tenants.apitokens.services import create
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import User
from tests import make
from tests.probes import canaries

HOST = "harbor.example"


@dataclass
class Api:
    """The API of a client as one person, by session or token."""

    client: Client
    user: User | None = None
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.browser = make.signed_in(None if self.token else self.user)
        if self.token:
            self.headers["Authorization"] = f"Bearer {self.token}"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask below `/api/v1/`; names of headers are written with underscores."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.browser.generic(
            method,
            f"/c/{self.client.slug}/api/v1/{path}",
            data,
            content_type="application/json",
            headers=self.headers | said,
        )

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)


@dataclass
class World:
    """Harbor, its planted rows, and people who may ask."""

    harbor: Client
    planted: dict[type[models.Model], models.Model]
    people: dict[str, User]
    larkfield: Client

    def api(self, role: str) -> Api:
        return Api(self.harbor, self.people[role])

    def token(self, role: str, **more: Any) -> Api:
        with at_client(self.harbor):
            made = create(
                self.people[role],
                client=self.harbor,
                name="a program",
                role=more.pop("as_role", role),
                at=timezone.now(),
                **more,
            )
        return Api(self.harbor, token=made.secret)


@pytest.fixture(scope="module")
def world(module_database: str) -> World:
    harbor = make.client("harbor", host=HOST)
    planted = canaries.plant(harbor)
    people = {role: make.member(role, harbor) for role in ("MA", "AN", "CA", "CO", "EM")}
    people["AU"] = make.auditor(harbor)
    with at_client(harbor):
        Control.objects.filter(procedures__ref="R01").update(owner=people["CO"].pk)
    return World(harbor, planted, people, make.client("larkfield"))


def strict_browser(user: User) -> Browser:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser
