"""`backend_memory`: what the server's process of one worker's connection holds while it serves all clients.

The sum of `pg_backend_memory_contexts` and not a resident set: that would count shared buffers.
"""

import argparse
from collections.abc import Iterator

from tests.benchmarks.measuring import Figure, Workers, main, tell, throwaway
from tests.benchmarks.stock import STOCK, backend

MIB = 1024 * 1024
CLIENTS = 500
# Clients there are, and how many of them the stock connection visits. The product's visits each of them again
# until it made 500 visits: it is closed long before it could meet one twice.
SIZES = {False: (125, 50), True: (4, 3)}


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Read every table of each client, the same on both sides, and ask for the sum after each."""
    count, by_stock = SIZES[options.quick]
    slugs = [f"c{number:03}" for number in range(count)]
    with throwaway():
        from django.conf import settings
        from django.db import connections

        settings.PROOFLINE_CLIENTS_PER_CONNECTION = (
            2 if options.quick else settings.PROOFLINE_CLIENTS_PER_CONNECTION
        )
        connections.close_all()
        with Workers(2) as workers:
            workers.do([(_make, (slugs[start::20],)) for start in range(20)], count=2)
        with backend(STOCK):
            anchor = _visits(slugs[:by_stock])
        product = [each for _ in range(1 if options.quick else CLIENTS // count) for each in _served()]
    assert len(product) == (count if options.quick else CLIENTS), "a client was left out"
    assert anchor[-1][1] == product[by_stock - 1][1], "the two sides read different things"
    sums = [total for total, _ in anchor]
    growth = (sums[-1] - sums[0]) / (by_stock - 1)
    straight = sums[0] + growth * (CLIENTS - 1)
    tell(f"  stock: {growth / MIB:.2f} MiB more with each client")
    yield Figure.cost("backend_memory", max(total for total, _ in product) / MIB, straight / MIB, "MiB", 5)


def _make(slugs: list[str]) -> None:
    """In a process of its own."""
    from tenants.clients.services import create_client

    for slug in slugs:
        create_client(slug, name=slug)


def _visits(slugs: list[str]) -> list[tuple[int, int]]:
    """The stock connection at one client after another: the sum after each, and how many rows were read."""
    from django.db import connection

    seen = []
    for slug in slugs:
        connection.set_schema(slug)
        seen.append(_read_everything())
    return seen


def _served() -> list[tuple[int, int]]:
    """The product's connection, as a worker's is between tasks."""
    from django.db import close_old_connections

    from tenants.clients.switch import client
    from tenants.tasks.envelope import each_client

    seen = []
    for one in each_client():
        with client(one):
            seen.append(_read_everything())
        close_old_connections()
    return seen


def _read_everything() -> tuple[int, int]:
    """Read each table of the client; returns the bytes that the server's process then holds, and rows read."""
    from django.apps import apps
    from django.conf import settings
    from django.db import connection

    rows = 0
    for label in settings.TENANT_APPS:
        for model in apps.get_app_config(label).get_models():
            rows += len(model._default_manager.all()[:100])
    with connection.cursor() as cursor:
        cursor.execute("select sum(total_bytes) from pg_backend_memory_contexts")
        return int(cursor.fetchone()[0]), rows


if __name__ == "__main__":
    main(figures)
