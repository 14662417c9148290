"""All clients are brought to a release by SQL made once; a run that failed is simply run again."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import evidence.migrations
from config.devstack import testing
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.database import migrating, release, template
from tenants.database.catalog import describe
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.database.reader import grants, role_of
from tenants.database.recording import migrate_here
from tenants.database.spares import refill_spares
from tests import make

SQL_ONLY = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("evidence", "{last}")]
    operations = [
        migrations.AddField("batch", "noted", models.CharField(max_length=20, default="100%", null=True)),
        migrations.AddIndex("batch", models.Index(fields=["noted"], name="batch_noted")),
        migrations.RunSQL(
            "create function noted() returns trigger language plpgsql as $$ begin new.noted = '%'; return new; end $$;"
            " create trigger noted before update on evidence_batch for each row execute function noted()"
        ),
        migrations.RunSQL([("create table words as select %s::text as word", ["it's; 100%"])]),
    ]
"""
WITH_PYTHON = """
from django.db import migrations

def note(apps, schema_editor):
    if schema_editor.connection.schema_name == "public":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("insert into words values (current_schema())")

class Migration(migrations.Migration):
    dependencies = [("evidence", "9001_sql")]
    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
"""
AFTER_PYTHON = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("evidence", "9002_python")]
    operations = [
        migrations.AddField("batch", "again", models.IntegerField(default=7)),
        migrations.AlterField("batch", "noted", models.TextField(default="", null=True)),
    ]
"""


SOMEBODY = uuid.uuid4()
READER = role_of(SOMEBODY)


class Future:
    """The clients' migrations as a later release would have them."""

    def __init__(self, folder: Path, settings) -> None:
        self.folder = folder / "later_evidence"
        source = Path(evidence.migrations.__file__).parent
        shutil.copytree(source, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.last = max(path.stem for path in source.glob("[0-9]*.py"))
        self.settings = settings

    def add(self, name: str, text: str) -> None:
        """Write one more migration, and have Django see it."""
        (self.folder / f"{name}.py").write_text(text.replace("{last}", self.last))
        self.settings.MIGRATION_MODULES = {"evidence": "later_evidence"}
        forget()


def forget() -> None:
    """Have the next look at migrations and releases be a fresh one, as in a new process."""
    release.client_release.cache_clear()
    release.public_release.cache_clear()
    for name in [name for name in sys.modules if name.startswith("later_evidence")]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def future(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Future]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Future(tmp_path, settings)
    settings.MIGRATION_MODULES = {}
    forget()


@pytest.fixture
def clients(own_database: str) -> list[Client]:
    return [make.client(f"c{number:02}") for number in range(13)]


@pytest.fixture
def few(own_database: str) -> list[Client]:
    return [make.client(slug) for slug in ("c02", "c03", "c04")]


def migrate(*args: str, **options: object) -> str:
    said = StringIO()
    call_command("migrate", *args, stdout=said, interactive=False, **options)
    return said.getvalue()


def words_of(slug: str) -> list[str]:
    with at_client(slug), connection.cursor() as cursor:
        cursor.execute("select word from words order by word")
        return [row[0] for row in cursor.fetchall()]


def migrated_from_nothing() -> str:
    with connection.cursor() as cursor:
        cursor.execute('create schema "from-nothing"')
    connection.set_schema("from-nothing")
    migrate_here()
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        cursor.execute(grants("from-nothing", SOMEBODY))
    return "from-nothing"


def form(schema: str) -> set[tuple[str, str, str]]:
    """A schema's description without its rows and positions: those differ by what happened."""
    client = Client.objects.filter(schema_name=schema).first()
    facts = describe(schema, role_of(client.pk) if client else READER)
    return {(f.kind, f.name, f.definition) for f in facts if f.kind not in ("row", "sequence")}


def test_nothing_to_do_is_one_query_and_the_readers_roles(own_database: str) -> None:
    make.client("harbor")
    with CaptureQueriesContext(connection) as queries:
        said = migrate(verbosity=1)
    assert said == "Nothing to migrate.\n"
    # The answer; the reader's role and what it may read, together; the clients that lack one. The lock has a
    # connection of its own.
    assert len(queries) == 6


def test_check_says_whether_there_is_anything_to_do(own_database: str, future: Future) -> None:
    with pytest.raises(SystemExit) as ended:
        migrate(check_unapplied=True)
    assert ended.value.code == 0
    future.add("9001_sql", SQL_ONLY)
    with pytest.raises(SystemExit) as ended:
        migrate(check_unapplied=True)
    assert ended.value.code == 1


def test_every_client_gets_sql_made_once_and_is_as_if_migrated_alone(
    clients: list[Client], future: Future
) -> None:
    refill_spares()
    before = release.client_release()
    future.add("9001_sql", SQL_ONLY)
    said = migrate(verbosity=1)
    assert re.search(
        r"10 of 13 clients migrated \(c00 to c09, .*\)\.\n13 of 13 clients migrated \(c10 to c12", said
    )
    assert release.client_release() != before
    assert set(Client.objects.values_list("release", flat=True)) == {release.client_release()}
    assert set(SpareSchema.objects.values_list("release", flat=True)) == {before}
    make.client("fresh")
    refill_spares()
    assert set(SpareSchema.objects.values_list("release", flat=True)) == {release.client_release()}
    wanted = form(migrated_from_nothing())
    for slug in ("c00", "c12", "fresh"):
        assert form(slug) ^ wanted == set()
    assert words_of("c05") == ["it's; 100%"] == words_of("fresh")
    assert migrate(verbosity=1) == "Nothing to migrate.\n"


def test_a_template_begins_with_the_last_one_while_its_migrations_are_the_same(
    own_database: str, future: Future
) -> None:
    before = release.client_release()
    future.add("9001_sql", SQL_ONLY)
    base = template._unchanged()
    assert base is not None
    assert base.release == before
    migrate(verbosity=0)
    kept = {
        (step["app"], step["name"]): step
        for step in SchemaTemplate.objects.get(pk=release.client_release()).steps
    }
    assert all(kept[step["app"], step["name"]] == step for step in base.steps)
    assert "batch_noted" in str(kept["evidence", "9001_sql"]["sql"])
    future.add("9001_sql", SQL_ONLY + "# another text")
    assert template._unchanged() is None, "made from nothing"


def test_a_migration_that_is_more_than_sql_runs_by_django_in_each_client(
    few: list[Client], future: Future
) -> None:
    future.add("9001_sql", SQL_ONLY)
    future.add("9002_python", WITH_PYTHON)
    future.add("9003_after", AFTER_PYTHON)
    migrate(verbosity=0)
    assert set(Client.objects.values_list("release", flat=True)) == {release.client_release()}
    assert words_of("c04") == ["c04", "it's; 100%"]
    assert form("c04") ^ form(migrated_from_nothing()) == set()
    steps = {
        step["name"]: step["sql"] for step in SchemaTemplate.objects.get(pk=release.client_release()).steps
    }
    assert steps["9001_sql"]
    assert steps["9002_python"] is None
    assert steps["9003_after"]


def test_one_client_that_fails_holds_up_nobody_and_is_done_when_mended(
    few: list[Client], future: Future
) -> None:
    with at_client("c03"), connection.cursor() as cursor:
        cursor.execute("create table words (other integer)")
    future.add("9001_sql", SQL_ONLY)
    with pytest.raises(CommandError) as refused:
        migrate(verbosity=0)
    assert refused.value.returncode == 1
    assert re.search(
        r'1 clients were not migrated:\n  c03: relation "words" already exists', str(refused.value)
    )
    behind = Client.objects.exclude(release=release.client_release())
    assert list(behind.values_list("slug", flat=True)) == ["c03"]
    assert "batch_noted" not in {fact.name for fact in describe("c03")}, "half a migration was left"
    with at_client("c03"), connection.cursor() as cursor:
        cursor.execute("drop table words")
    assert "1 of 1 clients migrated (c03 to c03" in migrate(verbosity=1)
    assert form("c03") == form("c04")


def test_what_a_client_has_already_is_not_done_again(few: list[Client], future: Future) -> None:
    """A run killed between two transactions, or before a client's last step, goes on where it stopped."""
    future.add("9001_sql", SQL_ONLY)
    with at_client("c02"):
        migrate_here()
    migrate(verbosity=0)
    assert set(Client.objects.values_list("release", flat=True)) == {release.client_release()}
    assert words_of("c02") == ["it's; 100%"]


def test_a_table_in_use_is_waited_for(
    few: list[Client], future: Future, monkeypatch: pytest.MonkeyPatch, own_database: str
) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(migrating, "RETRY_SECONDS", (0.05, 0.05))
    future.add("9001_sql", SQL_ONLY)
    with psycopg.connect(testing.database_url(own_database)) as reader:
        reader.execute('lock table "c04".evidence_batch in access share mode')
        with pytest.raises(CommandError, match="c04: canceling statement due to lock timeout"):
            migrate(verbosity=0)
    assert Client.objects.exclude(release=release.client_release()).count() == 1
    assert "A table is in use" not in migrate(verbosity=1)
    assert not Client.objects.exclude(release=release.client_release()).exists()


def test_a_client_without_a_schema_is_named(own_database: str, future: Future) -> None:
    make.bare_client("ghost")
    with pytest.raises(CommandError, match="ghost: it has no schema"):
        migrate(verbosity=0)


def test_one_app_goes_back_and_forth_in_every_client(few: list[Client], future: Future) -> None:
    future.add(
        "9001_sql",
        AFTER_PYTHON.replace("9002_python", future.last).replace(
            'migrations.AlterField("batch", "noted", models.TextField(default="", null=True)),', ""
        ),
    )
    migrate(verbosity=0)
    assert "again" in "".join(fact.definition for fact in describe("c04") if fact.kind == "column")
    migrate("evidence", future.last, verbosity=0)
    assert "again" not in "".join(fact.definition for fact in describe("c04") if fact.kind == "column")
    migrate(verbosity=0)
    assert "again" in "".join(fact.definition for fact in describe("c04") if fact.kind == "column")


def test_a_second_migrate_waits_for_the_first(own_database: str, future: Future) -> None:
    import threading

    future.add("9001_sql", SQL_ONLY)
    said: list[str] = []
    waits = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    def second() -> None:
        try:
            with migrating.only_migration(say):
                said.append("in")
        finally:
            connection.close()

    with migrating.only_migration(said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        assert said == ["Another migrate is running on this database; waiting for it."]
    thread.join()
    assert said[-1] == "in"
