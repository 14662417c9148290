"""The tests' database: real PostgreSQL, one migrated template, and clones of it for whoever needs one.

A test run uses a cluster of its own under `var/test`, which survives the run so that the template does, and
nothing of the installation in `var/`. `PROOFLINE_TEST_DATABASE_URL` names another server to use instead (its
role must be allowed to create databases and roles).
"""

import atexit
import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from config.devstack.environment import ROOT
from config.devstack.postgres import Cluster
from config.devstack.processes import lives

FOLDER = ROOT / "var" / "test"
_KEPT_TEMPLATES = 2


def set_environment() -> None:
    """Give this process a state folder and secrets of its own, gone when it ends.

    The settings module of the tests calls it before it reads the environment. The database address leads
    nowhere until a test asks for the database.
    """
    for left in Path(tempfile.gettempdir()).glob("proofline-test-*-*"):
        owner = left.name.split("-")[2]
        if owner.isdecimal() and not lives(int(owner)):
            shutil.rmtree(left, ignore_errors=True)  # of a run that was killed
    var = Path(tempfile.mkdtemp(prefix=f"proofline-test-{os.getpid()}-"))
    atexit.register(remove_state)
    os.environ |= {
        "PROOFLINE_VAR": str(var),
        "PROOFLINE_SECRET_KEY": secrets.token_urlsafe(50),
        "PROOFLINE_MASTER_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PROOFLINE_BASE_URL": "http://127.0.0.1:8000",
        "DATABASE_URL": "postgres://proofline@127.0.0.1:1/not-started",
    }


def remove_state() -> None:
    """Remove the state folder of this process; pytest asks too, since workers end without their exit functions."""
    var = Path(os.environ["PROOFLINE_VAR"])
    if var.name.startswith(f"proofline-test-{os.getpid()}-"):
        shutil.rmtree(var, ignore_errors=True)


def connect_django(database: str) -> str:
    """Point Django's connections at a database of the tests' server; returns the name of the one before.

    Those of other threads too: they share one dictionary of settings. What they have open stays where it is.
    """
    from django.db import connections

    connections.close_all()
    settings = connections["default"].settings_dict
    before = str(settings["NAME"])
    settings.update(_address(), NAME=database)
    os.environ["DATABASE_URL"] = database_url(database)
    return before


def database_url(database: str) -> str:
    """The address of one database on the tests' server, as the role that owns everything."""
    return _server_url().rsplit("/", 1)[0] + "/" + database


@contextmanager
def cloned_database(label: str) -> Iterator[str]:
    """A new database with the migrated tables and nothing else, dropped afterwards; yields its name."""
    name = f"test_{os.getpid()}_{label}"
    template = migrated_template()
    with _administrator() as server:
        server.execute(f'drop database if exists "{name}" with (force)')
        server.execute(f'create database "{name}" template "{template}"')
    try:
        yield name
    finally:
        with _administrator() as server:
            server.execute(f'drop database if exists "{name}" with (force)')
            _drop_readers(server)


def migrated_template() -> str:
    """The name of the database to clone, made on the first call after a migration changed."""
    name = f"template_{_release()}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "template.lock").open("a") as lock, _administrator() as server:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = server.execute("select datname from pg_database where datname ~ '^template_' order by oid")
        existing = [row[0] for row in found.fetchall()]
        if name in existing:
            return name
        _drop_leftovers(server, existing)
        server.execute(f'create database "{name}_unfinished"')
        _migrate(f"{name}_unfinished")
        # Renamed when whole; closed, so that no forgotten connection keeps it from being cloned.
        server.execute(f'alter database "{name}_unfinished" rename to "{name}"')
        server.execute(f'alter database "{name}" with allow_connections false')
    return name


def _release() -> str:
    """A hash over what makes the template: migrations, and the code that provisions."""
    from tenants.database.release import public_release

    digest = hashlib.sha256(public_release().encode())
    for file in sorted((ROOT / "tenants" / "database").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _migrate(database: str) -> None:
    from django.core.management import call_command

    before = connect_django(database)
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connect_django(before)


def _drop_leftovers(server: Any, templates: list[str]) -> None:
    """Drop unfinished and older templates, and the clones of test runs that were killed."""
    unfinished = [name for name in templates if name.endswith("_unfinished")]
    finished = [name for name in templates if not name.endswith("_unfinished")]
    clones = server.execute("select datname from pg_database where datname ~ '^test_[0-9]+_'").fetchall()
    orphans = [name for (name,) in clones if not lives(int(name.split("_")[1]))]
    for name in unfinished + finished[: -(_KEPT_TEMPLATES - 1)] + orphans:
        server.execute(f'drop database if exists "{name}" with (force)')


def _drop_readers(server: Any) -> None:
    """Drop the reading roles of clients that were in no database but those dropped: roles belong to the server."""
    orphans = server.execute(
        "select rolname from pg_roles r where rolname ~ '^proofline_reader_[0-9a-f]{32}$' and not exists"
        " (select 1 from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = r.oid)"
    ).fetchall()
    for (name,) in orphans:
        server.execute(f"drop role if exists {name}")


@contextmanager
def _administrator() -> Iterator[Any]:
    import psycopg

    with psycopg.connect(database_url("postgres"), autocommit=True) as connection:
        yield connection


def _address() -> dict[str, str]:
    parts = urlsplit(_server_url())
    return {
        "HOST": parts.hostname or "127.0.0.1",
        "PORT": str(parts.port or 5432),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }


def _server_url() -> str:
    return os.environ.get("PROOFLINE_TEST_DATABASE_URL") or _cluster().use()


def _cluster() -> Cluster:
    global _shared
    if _shared is None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "password.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file = FOLDER / "password"
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(secrets.token_urlsafe(24))
        _shared = Cluster(FOLDER / "postgres", file.read_text(), durable=False)
    return _shared


_shared: Cluster | None = None
