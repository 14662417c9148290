"""`clients_migrate`, `clients_migrate_noop`: `manage.py migrate` over 200 clients, beside stock `migrate_schemas`.

Each round adds one migration of two operations, a field and an index, and both sides apply it: the product in
its database, stock in another of the same server. Stock's time for its clients is scaled to as many as the
product has; what it does once, in `public`, is added once.
"""

import argparse
import importlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measuring import ROUNDS, Figure, Workers, main, tell, throwaway
from tests.benchmarks.stock import OURS, STOCK, backend, form

# Clients of the product, and of stock in each round: three rounds count, so these are 21 of its migrations.
SIZES = {False: (200, 7), True: (6, 2)}
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evidence", "{before}")]
    operations = [
        migrations.AddField("account", "noted_{n}", models.CharField(max_length=20, default="")),
        migrations.AddIndex("account", models.Index(fields=["noted_{n}"], name="account_noted_{n}")),
    ]
"""


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Migrate forward round by round, then once more with nothing to do."""
    count, of_stock = SIZES[options.quick]
    rounds = 1 if options.quick else ROUNDS
    with throwaway(), tempfile.TemporaryDirectory() as folder:
        later = _Later(Path(folder))
        _make_clients(count, of_stock)
        product, anchor = [], []
        for number in range(rounds + 1):
            later.add(number)
            product.append(_seconds(_product))
            anchor.append(_stock_scaled(count, of_stock))
            with backend(OURS, "stock"):
                wanted = form("c000")
            assert any(name == f"account_noted_{number}" for _, name, _ in wanted), "stock did nothing"
            assert form("c000") == form(f"c{count - 1:03}") == wanted, "the schemas differ"
        noop = [_seconds(_product) for _ in range(rounds + 1)]
        stock_noop = [_stock_scaled(count, of_stock) for _ in range(rounds + 1)]
    tell(f"  product {_listed(product)}; stock, scaled {_listed(anchor)}")
    tell(f"  nothing to do: product {_listed(noop)}; stock, scaled {_listed(stock_noop)}")
    # The first round pays for caches and is not counted.
    yield Figure.cost("clients_migrate", min(product[1:]), min(anchor[1:]), "s", 50)
    yield Figure.cost("clients_migrate_noop", min(noop[1:]), min(stock_noop[1:]), "s", 200)


class _Later:
    """The migrations of `evidence` as later releases would have them."""

    def __init__(self, folder: Path) -> None:
        import evidence.migrations

        source = Path(evidence.migrations.__path__[0])
        self.folder = folder / "later_evidence"
        shutil.copytree(source, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.last = max(path.stem for path in source.glob("[0-9]*.py"))
        sys.path.insert(0, str(folder))

    def add(self, number: int) -> None:
        """Write one more migration, and have Django see it as a new process would."""
        from django.conf import settings

        from tenants.database import release

        name = f"9{number:03}_noted"
        (self.folder / f"{name}.py").write_text(MIGRATION.format(before=self.last, n=number))
        self.last = name
        settings.MIGRATION_MODULES = {"evidence": "later_evidence"}
        release.client_release.cache_clear()
        release.public_release.cache_clear()
        importlib.invalidate_caches()
        for module in [module for module in sys.modules if module.startswith("later_evidence")]:
            del sys.modules[module]


def _make_clients(count: int, of_stock: int) -> None:
    """The product's clients; the first of them stock's as well, in a copy of the database."""
    from django.db import connection, connections

    slugs = [f"c{number:03}" for number in range(count)]
    connections.close_all()
    with Workers(2) as workers:
        workers.do([(_make, (slugs[:of_stock],))], count=1)
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'create database stock template "{connection.settings_dict["NAME"]}"')
        parts = [slugs[start:count:16] for start in range(of_stock, of_stock + 16)]
        workers.do([(_make, (part,)) for part in parts if part], count=2)


def _make(slugs: list[str]) -> None:
    """In a process of its own, which lets go of the database at once."""
    from django.db import connections

    from tenants.clients.models import Client
    from tenants.database.provision import provision

    for slug in slugs:
        provision(Client(slug=slug, schema_name=slug, name=slug))
    connections.close_all()


def _product() -> None:
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def _stock_scaled(count: int, of_stock: int) -> float:
    from django.core.management import call_command

    from tenants.clients.models import Client

    def run(**which: bool) -> Callable[[], None]:
        return lambda: call_command(
            "migrate_schemas", interactive=False, verbosity=0, executor="standard", **which
        )

    with backend(STOCK, "stock"):
        assert Client.objects.count() == of_stock
        once = _seconds(run(shared=True))
        return once + _seconds(run(tenant=True)) / of_stock * count


def _seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{each:.3g}" for each in seconds) + " s"


if __name__ == "__main__":
    main(figures)
