"""`manage.py person invite MAIL --name N --role R [--client SLUG]`: an invitation whose link is printed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.utils import timezone

from tenants.access.command import PortalCommand, acting, add_as_option
from tenants.clients.switch import NoClient, find, public
from tenants.invitations.services import InvitationRefused, invite_member, invite_staff
from tenants.members.changes import CLIENT_ROLES, STAFF_ROLES
from tenants.members.models import Role


class Command(PortalCommand):
    """Invites people, the first MSSP administrator among them."""

    help = "Invite a person; the link is printed, and no mail is sent."
    action = {"staff": "staff.invite", "client": "member.invite"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand."""
        actions = parser.add_subparsers(dest="do", required=True, metavar="{invite}")
        invite = actions.add_parser("invite", help="make an invitation and print its link")
        invite.add_argument("mail", metavar="MAIL", help="the mail address that the person signs in with")
        invite.add_argument("--name", required=True, help="the person's name")
        roles = ", ".join(f"{each.value} ({each.label})" for each in (*STAFF_ROLES, *CLIENT_ROLES))
        invite.add_argument("--role", required=True, help=f"one of {roles}")
        invite.add_argument("--client", metavar="SLUG", help="the client, for CA, CO and EM")
        add_as_option(invite)

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 2 with a sentence where somebody cannot be invited."""
        given = {"email": options["mail"], "name": options["name"], "role": options["role"].upper()}
        with public():
            try:
                client = find(options["client"]) if options["client"] else None
                self._refuse_misplaced(given["role"], has_client=client is not None)
                by = acting(options["as_user"], self.action["client" if client else "staff"], client)
                more = {**given, "by": by, "at": timezone.now()}
                issued = invite_staff(**more) if client is None else invite_member(client, **more)
            except (InvitationRefused, NoClient) as error:
                raise CommandError(str(error), returncode=2) from error
        until = issued.invitation.expires_at
        self.stdout.write(
            f"{issued.invitation.email} is invited until {until:%Y-%m-%d %H:%M} UTC. The link works once:"
        )
        self.stdout.write(issued.link)

    def _refuse_misplaced(self, role: str, *, has_client: bool) -> None:
        if role == Role.AUDITOR:
            raise InvitationRefused(
                "An auditor is invited to an engagement, on the client's page Settings, Engagements."
            )
        if role in STAFF_ROLES and has_client:
            raise InvitationRefused(f"{role} is a role of the MSSP. Leave --client out.")
        if role in CLIENT_ROLES and not has_client:
            raise InvitationRefused(f"{role} is a role at a client. Name it with --client SLUG.")
