"""`manage.py access`: the policy table, and its page in the documentation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants.access.command import tooling
from tenants.access.page import matrix_page


class Command(BaseCommand):
    """Prints the table, or writes its page."""

    help = "Print the policy table (role × action), or write it to docs/access.md."
    action = tooling("prints the policy itself")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--write` and `--check`."""
        parser.add_argument("--write", action="store_true", help="write docs/access.md")
        parser.add_argument("--check", action="store_true", help="exit 1 if docs/access.md is not current")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        page = settings.BASE_DIR / "docs" / "access.md"
        if options["write"]:
            page.write_text(matrix_page(), encoding="utf-8")
            self.stdout.write(f"Wrote {page.relative_to(settings.BASE_DIR)}.")
        elif options["check"]:
            if not page.exists() or page.read_text(encoding="utf-8") != matrix_page():
                raise CommandError("docs/access.md is not current. Run `python3 manage.py access --write`.")
        else:
            self.stdout.write(matrix_page())
