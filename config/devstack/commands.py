"""What `manage.py` does: our own commands, and Django's with the embedded database under them."""

import os
import sys
from collections.abc import Callable, Sequence

from config.devstack import (
    benchmark,
    checks,
    demo,
    environment,
    installation,
    postgres,
    progress,
    stack,
    suite,
)
from config.devstack.refusal import Refusal, disk_full, is_disk_full

# Commands that never ask the database; starting it for them would only cost time.
_WITHOUT_DATABASE = frozenset(
    {"", "help", "version", "diffsettings", "collectstatic", "makemessages", "compilemessages", "findstatic"}
)


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code (2: a Refusal, said on standard error)."""
    progress.began()
    try:
        environment.enter(argv)
        try:
            return _run(list(argv))
        except ImportError as error:
            environment.mend_after(error, argv)
            raise
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except OSError as error:
        if is_disk_full(error):
            print(disk_full(installation.state_folder(), error), file=sys.stderr)
            return 2
        raise
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether Django's command with these arguments asks the database: all do but a few that work on files."""
    name = arguments[0] if arguments else ""
    if name in _WITHOUT_DATABASE or name.startswith("-") or {"--help", "-h", "--version"} & set(arguments):
        return False
    match name:
        case "sources":
            return False  # its list and its dry run take neither client nor database
        case "rules":
            return "backtest" in arguments
        case "verify":
            return any(argument.split("=")[0] == "--client" for argument in arguments)
    return True


def _run(argv: list[str]) -> int:
    name = argv[1] if len(argv) > 1 else ""
    own = OWN.get(name)
    if own is not None:
        return own(argv[2:])
    if name in {"", "help", "--help", "-h"} and len(argv) < 3:
        print("The stack's own commands (manage.py COMMAND --help tells more):\n")
        for command, function in OWN.items():
            print(f"    {command:<12}{(function.__doc__ or '').splitlines()[0]}")
        print(flush=True)
    if os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.embedded") == "config.settings.embedded":
        opened = installation.open_installation()
        embedded = not os.environ.get("DATABASE_URL")
        installation.set_environment(opened)
        if needs_database(argv[1:]):
            postgres.ensure_database(opened.var, opened.database_password)
            if embedded and name != "migrate":
                _migrate_if_new()
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)
    return 0


def _migrate_if_new() -> None:
    """Migrate an embedded database in which nothing was ever made, so that any command may be the first."""
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.django_migrations') IS NULL")
        new = cursor.fetchone()[0]
    if new:
        print("Preparing the new database (once) …", file=sys.stderr)
        call_command("migrate", verbosity=0, stdout=sys.stderr)


# What runs outside Django's command loading: before its settings exist, or without its database.
OWN: dict[str, Callable[[list[str]], int]] = {
    "demo": demo.demo,
    "serve": stack.serve,
    "test": suite.test,
    "check-code": checks.check_code,
    "benchmark": benchmark.benchmark,
}
