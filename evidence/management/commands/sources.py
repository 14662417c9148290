"""`manage.py sources`: what can be read, and a dry run over files. Needs no client and no database."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evidence.sources.check import MissingPath, check, refused
from evidence.sources.registry import UnknownSource, adapters, contract, slug_of
from tenants.access.command import tooling


class Command(BaseCommand):
    """Lists the sources; `check` says which source each file is and what would become of it."""

    help = "List the sources, or check files against them without a client and a database."
    action = tooling("reads files, knows no client")
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """`sources [--json]` and `sources check PATH… [--json]`."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        verbs = parser.add_subparsers(dest="verb", metavar="check")
        checking = verbs.add_parser("check", help="a dry run over files and folders")
        checking.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder to walk")
        checking.add_argument("--source", help="read the files as this source's, without recognizing them")
        # A default here would overwrite the flag given before the verb.
        checking.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, and exit 1 if anything was refused."""
        if options["verb"] == "check":
            self._check(options["paths"], as_json=options["json"], source=options["source"])
        else:
            self._list(as_json=options["json"])

    def _list(self, *, as_json: bool) -> None:
        listed = [contract(slug) for slug in adapters()]
        if as_json:
            self.stdout.write(
                json.dumps(
                    {
                        "sources": [
                            {
                                "slug": one.slug,
                                "aliases": list(one.aliases),
                                "family": one.family,
                                "vendor": one.vendor,
                                "title": one.title,
                                "version": one.version,
                                "ways_in": list(one.ways_in),
                                "rhythm": one.rhythm,
                                "examples": list(one.examples),
                            }
                            for one in listed
                        ]
                    },
                    ensure_ascii=False,
                )
            )
            return
        for one in listed:
            self.stdout.write(f"{one.slug}  {one.title} ({one.vendor}, {one.family})")
            self.stdout.write(f"    also called: {', '.join(one.aliases) or 'nothing else'}")
            self.stdout.write(f"    ways in: {', '.join(one.ways_in)}")
            self.stdout.write(f"    examples: {', '.join(one.examples)}")

    def _check(self, paths: list[str], *, as_json: bool, source: str | None) -> None:
        try:
            slug = slug_of(source) if source is not None else None
            found = check(paths, at=datetime.now(UTC), source=slug)
        except (MissingPath, UnknownSource) as error:
            raise CommandError(str(error), returncode=2) from None
        if as_json:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self._print(found)
        if refused(found):
            sys.exit(1)

    def _print(self, found: dict[str, Any]) -> None:
        for one in found["files"]:
            kind = f"{one['source']} ({one['confidence']:.2f})" if one["source"] else "no source"
            counts = f"{one['records']} records, {one['events']} events, {one['rejected']} rejected"
            self.stdout.write(f"{one['path']}: {kind}: {counts}")
            for reason in one["reasons"]:
                times = f"{reason['count']} × " if reason["count"] > 1 else ""
                self.stdout.write(f"    {times}{reason['reason']}")
        totals = found["totals"]
        self.stdout.write(
            f"{totals['files']} files: {totals['records']} records, {totals['events']} events,"
            f" {totals['rejected']} rejected; {totals['unrecognized']} files of another kind"
        )
