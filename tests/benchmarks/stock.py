"""The anchor's side of tenancy: django-tenants as it is delivered, on its own database backend."""

import contextlib
import importlib
from collections.abc import Iterator

STOCK = "django_tenants.postgresql_backend"
OURS = "tenants.database.backend"


@contextlib.contextmanager
def backend(engine: str, database: str | None = None) -> Iterator[None]:
    """Have Django's connection be one of this backend within the block; `database` names another one."""
    from django.db import connections

    before = connections["default"]
    settings = {**before.settings_dict, "ENGINE": engine}
    if database:
        settings["NAME"] = database
    wrapper = importlib.import_module(f"{engine}.base").DatabaseWrapper(settings, alias="default")
    connections["default"] = wrapper
    try:
        yield
    finally:
        wrapper.close()
        connections["default"] = before


def form(schema: str) -> frozenset[tuple[str, str, str]]:
    """All that the catalog says about a client's schema; rows and where sequences stand are left out.

    Stock records in every schema the migrations of shared apps too, which do nothing there.
    """
    from tenants.clients.models import Client
    from tenants.database.catalog import describe
    from tenants.database.reader import role_of

    reader = role_of(Client.objects.get(schema_name=schema).pk)
    return frozenset(
        (f.kind, f.name, f.definition) for f in describe(schema, reader) if f.kind not in ("row", "sequence")
    )
