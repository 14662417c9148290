"""`manage.py demo`: two clients with twelve simulated months, played in by the ordinary intake, and the stack.

Everything of the demo's own lies in `config.demo` and is imported by the step that needs it: a part that is
missing stops the demo there.
"""

import argparse
import shutil
from functools import partial

from config.devstack.installation import state_folder
from config.devstack.postgres import Cluster
from config.devstack.refusal import Refusal
from config.devstack.stack import BRING_UP, Start, Step, add_port, begin, ready, take
from config.devstack.supervisor import refuse_taken_port, running_stack


def demo(arguments: list[str]) -> int:
    """Start the portal with two demo clients and their last twelve months."""
    parser = argparse.ArgumentParser(prog="manage.py demo", description=demo.__doc__)
    add_port(parser)
    parser.add_argument("--reset", action="store_true", help="remove the data of the installation before")
    parser.add_argument(
        "--check",
        action="store_true",
        help="start all, fetch the main pages as each role, build and verify both packages, stop; exit 0 or 1",
    )
    options = parser.parse_args(arguments)
    refuse_taken_port(options.port)
    if options.reset:
        reset()
    start = begin(options.port)
    with start.supervisor:
        fresh: dict[str, str] = {}
        steps = (Step("clients", clients), Step("logins", partial(logins, fresh=fresh)), Step("months", play))
        take(start, (*BRING_UP, *steps, Step("ready", ready)))
        if options.check:
            return check(start)
        print(f"\n{welcome(start, fresh)}\n", flush=True)
        start.supervisor.run()
    return 0


def clients(start: Start) -> str:
    """Make the two demo clients unless they are there."""
    from config.demo.clients import make_clients

    return make_clients()


def logins(start: Start, fresh: dict[str, str]) -> str:
    """Make one login for each role unless they are there; `fresh` takes the new second factors' secrets."""
    from config.demo.logins import make_logins

    fresh |= make_logins(start.installation)
    return f"{len(fresh)} new second factors" if fresh else "there already"


def play(start: Start) -> str:
    """Write twelve months of the clients' records and take them in; nothing for a client that has them."""
    from config.demo.clients import play_months

    return play_months(start.progress.at)


def welcome(start: Start, fresh: dict[str, str]) -> str:
    """The address and the logins, for the person at the terminal."""
    from config.demo.logins import describe_logins

    return (
        f"Proofline's demo is ready after {start.progress.seconds:.1f} s: {start.url}\n\n"
        f"{describe_logins(start.installation, fresh)}\n\n"
        "Stop it with Ctrl-C; the next start keeps the data."
    )


def check(start: Start) -> int:
    """Look at the running demo as each role and verify both packages; prints what was checked."""
    from config.demo.check import check

    return check(start.url, start.installation)


def reset() -> None:
    """Remove the installation's data, the database with it; refuses while it is in use."""
    var = state_folder()
    if running_stack(var) is not None:
        raise Refusal(f"Proofline is running on {var}. Stop it before removing its data.")
    Cluster(var / "postgres", "").destroy()
    if var.exists():
        for entry in var.iterdir():
            # The tests' own database is not the installation's.
            if entry.name == "test":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
