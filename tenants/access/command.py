"""The policy at the command line: the operator acts as the system task, or as a person by `--as USER`.

A command says its action as a class attribute:

    action = "package.build"
    action = {"create": "client.create", "list": "client.list"}      one per subcommand
    action = tooling("reads files, knows no client")                 what the policy does not concern

and asks `acting` before it does anything. It is a `PortalCommand`, so that history knows what it changed.
"""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.access.policy import (
    POLICY,
    SYSTEM,
    SYSTEM_ROLE,
    UnknownActionError,
    judged,
    judged_some,
    refusal_words,
    standing,
    words_of,
)
from tenants.clients.models import Client
from tenants.history.context import amend, changing
from tenants.members.models import User


@dataclass(frozen=True, slots=True)
class Tooling:
    """Why a command needs no action of the policy."""

    reason: str


class PortalCommand(BaseCommand):
    """A command whose changes history knows as its own, and as those of whom `--as` named."""

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run inside the command's context."""
        name = type(self).__module__.rpartition(".")[-1]
        with changing(way="command", path=f"manage.py {name}", user=None):
            return super().execute(*args, **options)


def tooling(reason: str) -> Tooling:
    """Declare a command that touches no client and no person's right."""
    return Tooling(reason)


def add_as_option(parser: ArgumentParser) -> None:
    """Add `--as USER` to a command; the value lies in `options["as_user"]`."""
    parser.add_argument(
        "--as", dest="as_user", metavar="USER", help="act as this person (mail address), by the policy table"
    )


def acting(mail: str | None, action: str, client: Client | None = None, obj: object = None) -> User | None:
    """Return who acts: the person that `--as` named, or None for the system task; refuse what they may not.

    With an object the answer is for it; without one, whether there could be one: a command that finds its object
    later asks again. A step-up cannot be shown here, so an action that needs one is refused.

    Raises:
        CommandError: with a sentence and exit code 2.
    """
    if action not in POLICY:
        raise UnknownActionError(action)
    if mail is None:
        if judged(standing(SYSTEM, client), action, obj) or SYSTEM_ROLE in POLICY[action]:
            return None
        raise CommandError(
            f"“{words_of(action)}” is a person's act, not the system's. Name who does it with --as USER.",
            returncode=2,
        )
    user = User.objects.filter(email__iexact=mail, is_active=True).first()
    if user is None:
        raise CommandError(f'Nobody signs in as "{mail}". Check the mail address after --as.', returncode=2)
    place = standing(user, client)
    may = judged_some(place, action) if obj is None else judged(place, action, obj)
    if not may:
        where = f" at {client.slug}" if client is not None else ""
        if not place.known:
            # Told alike for a client that is not theirs and for one without a right.
            raise CommandError(
                f"{user} has no part{where}: no assignment, role or open engagement.", returncode=2
            )
        raise CommandError(f"{user} may not do this{where}. {refusal_words(place, action)}", returncode=2)
    amend(user=str(user.pk), role=" ".join(sorted(place.roles)))
    return user
