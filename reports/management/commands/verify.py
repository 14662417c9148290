"""`manage.py verify PATH` for a bundle, `manage.py verify --client SLUG` for a client's live ledger."""

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from evidence.ledger.check import Check, check_ledger
from reports.packages import verify as verifier
from tenants.access.command import acting, add_as_option, tooling
from tenants.clients.switch import NoClient, client, find


class Command(BaseCommand):
    """Says whether a bundle, or a client's ledger with its bytes, holds."""

    help = "Verify a bundle, or a client's live ledger. Exit 0: it holds, 1: it differs, 2: it cannot run."
    action = {"path": tooling("reads a bundle, knows no client"), "client": "ledger.verify"}

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """A path, or a client."""
        parser.add_argument("path", nargs="?", metavar="PATH", help="a bundle: its folder or its zip")
        parser.add_argument("--client", metavar="SLUG", help="the client whose live ledger is checked")
        parser.add_argument(
            "--checkpoint", metavar="FILE", help="a signed head that was obtained elsewhere (with PATH)"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        add_as_option(parser)

    def handle(self, **options: Any) -> None:
        """Exit 2 for a wrong call or for what cannot be read."""
        if bool(options["path"]) == bool(options["client"]):
            self._wrong("Name a bundle's path, or a client with --client SLUG; not both.")
        if options["client"]:
            if options["checkpoint"]:
                self._wrong("--checkpoint belongs to a bundle. Name the bundle's path.")
            ok = self._ledger(options)
        else:
            ok = self._bundle(options)
        if not ok:
            sys.exit(1)

    def _bundle(self, options: dict[str, Any]) -> bool:
        try:
            checkpoint = verifier.read_checkpoint(options["checkpoint"]) if options["checkpoint"] else None
            report = verifier.verify(options["path"], checkpoint)
        except (verifier.CannotRun, OSError) as error:
            self._wrong(str(error))
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False))
        else:
            for line in report.lines():
                self.stdout.write(verifier.plain(line))
        return bool(report.ok)

    def _ledger(self, options: dict[str, Any]) -> bool:
        try:
            found = find(options["client"])
        except NoClient as error:
            self._wrong(str(error))
        acting(options["as_user"], "ledger.verify", found)
        with client(found):
            checks = check_ledger()
        ok = not any(check.findings for check in checks)
        if options["json"]:
            rows = [row for check in checks for row in _rows(check)]
            self.stdout.write(json.dumps({"ok": ok, "checks": rows}, ensure_ascii=False))
            return ok
        for check in checks:
            if not check.findings:
                self.stdout.write(f"{check.name} holds: {check.title}")
            for finding in check.findings:
                place = f"{check.name} {finding.where}"
                self.stdout.write(
                    verifier.plain(f"{place}: expected {finding.expected}, found {finding.found}")
                )
        self.stdout.write("holds" if ok else f"differs: {sum(len(check.findings) for check in checks)}")
        return ok

    def _wrong(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(2)


def _rows(check: Check) -> list[dict[str, Any]]:
    """A check as the bundle's verifier writes one: what holds in one row, what differs in one row each."""
    if not check.findings:
        return [{"name": check.name, "ok": True, "expected": check.title, "found": check.title, "where": ""}]
    return [
        {"name": check.name, "ok": False, "expected": each.expected, "found": each.found, "where": each.where}
        for each in check.findings
    ]
