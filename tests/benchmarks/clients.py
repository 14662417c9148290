"""`client_create`, `client_create_spare`: a client's row and schema, beside django-tenants' way through migrations."""

import argparse
import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks.measuring import Figure, Side, in_turn, main, tell, throwaway
from tests.benchmarks.stock import STOCK, backend, form

# Clients that each round makes by provisioning, from spares, by cloning, and through migrations.
SIZES = {False: (10, 20, 3, 1), True: (2, 2, 1, 1)}
_numbers = itertools.count(1)


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Make clients in four ways; the schemas must be the same."""
    made, spared, cloned, migrated = SIZES[options.quick]
    with throwaway():
        from tenants.database.provision import provision

        _spares(0)
        provision(_client("model"))
        _describe("model")
        best = in_turn(
            [
                _side("migrations", migrated, 0, _by_migrations),
                _side("template", made, 0, provision),
                _side("spare", spared, spared, provision),
            ],
            rounds=1 if options.quick else 3,
        )
        # By itself, for what it makes is not the same.
        side = _side("clone_schema", cloned, 0, _by_clone)
        best |= in_turn([Side(side.name, side.prepare, side.run, len)], rounds=1 if options.quick else 3)
        lost = len(form("model") - form(f"clone-{next(_numbers) - 1}"))
    count = {"migrations": migrated, "clone_schema": cloned, "template": made, "spare": spared}
    each = {name: 1000 * taken.seconds / count[name] for name, taken in best.items()}
    tell(f"  clone_schema loses {lost} of what the catalog says of a migrated schema")
    yield Figure.cost("client_create", each["template"], each["migrations"], "ms", 12)
    yield Figure.cost("client_create_spare", each["spare"], each["migrations"], "ms", 100)
    yield Figure.cost("client_create_vs_clone", each["template"], each["clone_schema"], "ms", None)


def _side(name: str, count: int, spares: int, make: Callable[[Any], object]) -> Side:
    def prepare() -> list[Any]:
        _spares(spares)
        return [_client(f"{name[:5]}-{next(_numbers)}") for _ in range(count)]

    def run(clients: list[Any]) -> None:
        for client in clients:
            make(client)

    def check(clients: list[Any]) -> object:
        from tenants.clients.models import Client
        from tenants.database.models import SpareSchema

        assert not SpareSchema.objects.exists(), "a spare was left"
        assert Client.objects.filter(pk__in=[client.pk for client in clients]).count() == len(clients)
        # By its hash, for it is long.
        return hashlib.sha256(repr(sorted(form(clients[-1].schema_name))).encode()).hexdigest()

    return Side(name, prepare, run, check)


def _client(slug: str) -> Any:
    from tenants.clients.models import Client

    return Client(slug=slug, schema_name=slug, name=slug)


def _spares(count: int) -> None:
    from django.conf import settings

    from tenants.database.spares import refill_spares

    settings.PROOFLINE_SPARE_SCHEMAS = count
    refill_spares()


def _by_migrations(client: Any) -> None:
    from django.db import connection

    from tenants.database.reader import grants

    with backend(STOCK):
        client.auto_create_schema = True
        client.save(verbosity=0)
        # Stock knows no role that reads a client: it gets one here, so that both sides do the same.
        with connection.cursor() as cursor:
            cursor.execute(grants(client.schema_name, client.pk))


def _by_clone(client: Any) -> None:
    """What a template costs where the server copies it table by table; django-tenants brings the function."""
    from django_tenants.clone import CloneSchema

    with backend(STOCK):
        client.save()
        CloneSchema().clone_schema("model", client.schema_name)


def _describe(schema: str) -> None:
    from django.db import connection

    from tenants.database.recording import client_plan, executor_here

    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from pg_class where relnamespace = n.oid and relkind in ('r', 'p')),"
            " (select count(*) from pg_index join pg_class c on c.oid = indexrelid where relnamespace = n.oid)"
            " from pg_namespace n where nspname = %s",
            [schema],
        )
        tables, indexes = cursor.fetchone()
    tell(f"  {tables} tables, {indexes} indexes, {len(client_plan(executor_here()))} migrations")


if __name__ == "__main__":
    main(figures)
