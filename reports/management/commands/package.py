"""`manage.py package CLIENT --type 1 --as-of D` or `--type 2 --period A..B`: a draft that verifies offline."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import timezone

from reports.packages.archive import BundleError
from reports.packages.build import Asked, CannotBuild, built, quiet
from tenants.access.command import PortalCommand, acting, add_as_option
from tenants.clients.models import Client
from tenants.clients.period import Period
from tenants.clients.switch import NoClient, client, find


class Command(PortalCommand):
    """Builds a package as a folder and a zip."""

    help = "Build a package of a client as a draft: a folder and a zip in --out."
    action = "package.build"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the client, the type with its date or period, and where to write."""
        parser.add_argument("client", help="the client's slug")
        parser.add_argument(
            "--type", choices=["1", "2"], required=True, help="1: at a date; 2: over a period"
        )
        parser.add_argument("--as-of", type=_day, help="the date of a Type I, YYYY-MM-DD")
        parser.add_argument("--period", metavar="A..B", help="the period of a Type II, both days included")
        parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        add_as_option(parser)

    def handle(self, **options: Any) -> None:
        """Build, write folder and zip, and print what came of it."""
        try:
            found = find(options["client"])
            asked = _asked(found, options)
        except (NoClient, ValueError) as error:
            self._wrong(str(error))
        acting(options["as_user"], self.action, found)
        tell = quiet if options["json"] else self._tell
        out: Path = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        try:
            with client(found), built(asked, at=timezone.now(), progress=tell) as package:
                name = package.bundle.name
                with (out / f"{name}.zip").open("wb") as target:
                    sha256 = package.bundle.write_zip(target)
                package.bundle.write_folder(out)
        except (CannotBuild, BundleError) as error:
            self._wrong(str(error))
        answer = {
            "path": str(out / f"{name}.zip"),
            "sha256": sha256,
            "ledger_size": package.manifest["ledger"]["size"],
            "ledger_root": package.manifest["ledger"]["root"],
            "gaps": package.gaps,
            "controls": package.controls,
        }
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        self.stdout.write(f"{answer['path']}  sha256 {sha256}")
        self.stdout.write(f"Verify it: python3 -I {out / name / 'verify.py'} {answer['path']}")

    def _tell(self, step: str, percent: int) -> None:
        self.stdout.write(f"{percent:3d} %  {step}")

    def _wrong(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(2)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'"{text}" is no date; write 2026-06-30') from error


def _asked(found: Client, options: dict[str, Any]) -> Asked:
    if options["type"] == "1":
        if options["as_of"] is None or options["period"]:
            raise ValueError("A Type I has a date and no period: give --as-of YYYY-MM-DD.")
        return Asked.type_1(options["as_of"])
    if not options["period"] or options["as_of"]:
        raise ValueError("A Type II has a period and no date: give --period 2026-01-01..2026-12-31.")
    return Asked.type_2(Period.parse(options["period"], found.tzinfo))
