"""Which DDL a client's schema has: the release, a hash over the migrations of the clients' apps."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django_tenants.utils import app_labels

# Raised when the same migrations come to be kept in another form (`tenants.database.ddl`).
_FORM = b"1"


def client_labels() -> list[str]:
    """Return the labels of the apps that live in client schemas."""
    return app_labels(settings.TENANT_APPS)


@functools.cache
def client_release() -> str:
    """Return the release of this code's client schemas: 32 hex digits."""
    return _hash_of(client_labels())


@functools.cache
def public_release() -> str:
    """Return the release of this code's `public` schema: 32 hex digits.

    All apps count: the clients' migrations are recorded in `public` too, though they do nothing there.
    """
    return _hash_of([config.label for config in apps.get_app_configs()])


def migration_hash(label: str, name: str) -> str | None:
    """Return a hash of one migration's source and of the form in which it is kept; None without the source."""
    module = MigrationLoader.migrations_module(label)[0]
    spec = importlib.util.find_spec(module) if module else None
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder) / f"{name}.py"
        if file.is_file():
            return hashlib.sha256(_FORM + file.read_bytes()).hexdigest()[:32]
    return None


def _hash_of(labels: list[str]) -> str:
    """Hash names and contents of the apps' migration files; without sources (a frozen build) the names."""
    digest = hashlib.sha256(_FORM)
    for label in sorted(labels):
        module = MigrationLoader.migrations_module(label)[0]
        spec = importlib.util.find_spec(module) if module else None
        for folder in (spec and spec.submodule_search_locations) or ():
            for file in sorted(Path(folder).glob("[!_~]*.py*")):
                digest.update(f"{label}/{file.stem}\0".encode())
                if file.suffix == ".py":
                    digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]
