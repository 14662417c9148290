"""The embedded stack of one installation: its services, and the steps that bring them up."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions

from config.devstack.installation import Installation, open_installation, set_environment
from config.devstack.postgres import Cluster
from config.devstack.progress import Progress
from config.devstack.supervisor import Service, Supervisor, answers, refuse_taken_port

PORT = 8000


@dataclass(slots=True)
class Start:
    """One start of the stack: what its steps work on."""

    port: int
    installation: Installation
    supervisor: Supervisor
    progress: Progress

    @property
    def url(self) -> str:
        """The portal's address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a start: its title, and what it does, which returns a note of what came of it."""

    title: str
    take: Callable[[Start], str]


def services(port: int) -> tuple[Service, ...]:
    """What runs beside the database, in the order of starting."""
    python = sys.executable
    # Celery warns at length of a worker run by root. In a container, as in CI, there is nobody else.
    quiet = ("-W", "ignore:You're running the worker with superuser privileges")
    celery = (python, *quiet, "-m", "celery", "--app", "config.celery:app", "--quiet")
    return (
        Service(
            "web",
            (
                *(python, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
                *("--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "warning"),
                *("--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "5"),
            ),
            ready=lambda: answers(port),
        ),
        Service(
            "worker",
            (
                *(*celery, "worker", "--hostname", "embedded@localhost", "--loglevel", "WARNING"),
                *("--concurrency", "2", "--without-gossip", "--without-mingle"),
            ),
        ),
        Service("beat", (*celery, "beat", "--loglevel", "WARNING", "--pidfile", "")),
    )


def environment(start: Start) -> str:
    """Say what this runs on; the environment itself was made before this module could be imported."""
    packages = sum(1 for _ in distributions())
    return f"Python {platform.python_version()} with {packages} packages"


def database(start: Start) -> str:
    """Have the database, embedded unless the operator named one."""
    cluster = start.supervisor.cluster
    if cluster is None:
        return "the one that DATABASE_URL names"
    os.environ["DATABASE_URL"] = cluster.use()
    return f"PostgreSQL on 127.0.0.1:{cluster.port}"


def migrate(start: Start) -> str:
    """Bring the tables to the state of the code."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    return "tables are up to date"


def static_files(start: Start) -> str:
    """Collect what the pages load, under names that carry their content's hash."""
    from django.conf import settings
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)
    return f"{sum(1 for file in settings.STATIC_ROOT.rglob('*') if file.is_file())} files"


def start_web(start: Start) -> str:
    """Start the portal; it comes up while later steps run."""
    from django.db import connections

    connections.close_all()
    refuse_taken_port(start.port)
    start.supervisor.start(services(start.port)[:1])
    return "coming up"


def ready(start: Start) -> str:
    """Wait until the portal answers, then start what works behind it, which nobody at a page waits for."""
    start.supervisor.wait_until_ready()
    behind = services(start.port)[1:]
    start.supervisor.start(behind)
    return f"{start.url}, with {' and '.join(service.name for service in behind)}"


BRING_UP = (
    Step("environment", environment),
    Step("database", database),
    Step("migrate", migrate),
    Step("static files", static_files),
    Step("web", start_web),
)


def take(start: Start, steps: Sequence[Step]) -> None:
    """Take steps in their order, saying how long it took from the command's beginning."""
    for step in steps:
        start.progress.begin(step.title)
        start.progress.done(step.take(start))


def begin(port: int) -> Start:
    """Open the installation for a start on that port; enter its supervisor before taking steps."""
    opened = open_installation()
    # The address is part of what Django's settings read, and of what they accept.
    os.environ["PROOFLINE_BASE_URL"] = f"http://127.0.0.1:{port}"
    set_environment(opened)
    cluster = None
    if not os.environ.get("DATABASE_URL"):
        cluster = Cluster(opened.var / "postgres", opened.database_password)
    return Start(port, opened, Supervisor(opened.var, cluster=cluster), Progress())


def add_port(parser: argparse.ArgumentParser) -> None:
    """The option for the portal's port."""
    parser.add_argument(
        "--port", type=_port, default=PORT, help=f"of the portal on 127.0.0.1 (default {PORT})"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def serve(arguments: list[str]) -> int:
    """Start the portal without demo data, until it is stopped."""
    parser = argparse.ArgumentParser(prog="manage.py serve", description=serve.__doc__)
    add_port(parser)
    options = parser.parse_args(arguments)
    refuse_taken_port(options.port)
    start = begin(options.port)
    with start.supervisor:
        take(start, (*BRING_UP, Step("ready", ready)))
        print(f"\nProofline answers at {start.url}. Stop it with Ctrl-C.\n", flush=True)
        start.supervisor.run()
    return 0
