"""`manage.py ingest CLIENT SOURCE FILE…`: files of any size through the ordinary intake."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from django.utils import timezone

from evidence.intake.deliveries import Outcome
from evidence.intake.ingest import ingest
from evidence.intake.models import Delivery
from evidence.intake.services import Refused
from evidence.intake.sources import connect
from evidence.sources.registry import UnknownSource
from tenants.access.command import PortalCommand, acting, add_as_option
from tenants.clients.switch import NoClient, client, find
from tenants.members.models import User

COUNTS = ("records", "events", "duplicates", "rejected", "exceptions")


class Command(PortalCommand):
    """Takes files in as one client's evidence and waits until every record is an event or rejected."""

    help = "Take files in as evidence of a client. Exit 1 when anything was rejected, 2 for a wrong call."
    action = "intake.upload"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take client, source and files."""
        parser.add_argument("client", help="the client's slug")
        parser.add_argument("source", help="the source's folder name; connected on first use")
        parser.add_argument(
            "files",
            nargs="+",
            metavar="FILE",
            help="files or folders; - is standard input",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        add_as_option(parser)

    def handle(self, *, files: list[str], source: str, as_user: str | None, **options: Any) -> None:
        """Take each file in and wait for its last record."""
        try:
            found = find(options["client"])
        except NoClient as error:
            self._wrong(str(error))
        paths = self._paths(files)
        who = acting(as_user, self.action, found)
        with client(found):
            try:
                connected = connect(source, at=timezone.now())
            except UnknownSource as error:
                self._wrong(str(error))
            results = [self._take(connected, path, who, quiet=options["json"]) for path in paths]
        self._report(found.slug, connected.slug, results, as_json=options["json"])
        if any(r["rejected"] or r["refused"] for r in results):
            sys.exit(1)

    def _take(self, source: Any, path: str, who: User | None, *, quiet: bool) -> dict[str, Any]:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as stream:
            try:
                delivery, counts = ingest(
                    source,
                    stream,
                    name=path,
                    way=Delivery.Way.INGEST,
                    at=timezone.now(),
                    by=who.pk if who else None,
                )
            except Refused as error:
                empty = dict.fromkeys(("bytes", *COUNTS), 0)
                return {
                    "path": path,
                    "sha256": "",
                    **empty,
                    "reasons": [],
                    "refused": [str(error)],
                }
        if not quiet:
            self.stdout.write(f"{path}: {_sentence(counts)}")
            for reason in counts.reasons:
                self.stdout.write(f"  rejected {reason['count']}: {reason['reason']} ({reason['example']})")
        return {
            "path": path,
            "sha256": delivery.sha256,
            "bytes": delivery.bytes,
            **{name: getattr(counts, name) for name in COUNTS},
            "reasons": counts.reasons,
            "refused": counts.refused,
        }

    def _report(self, slug: str, source: str, results: list[dict[str, Any]], *, as_json: bool) -> None:
        totals = {name: sum(r[name] for r in results) for name in ("bytes", *COUNTS)}
        if as_json:
            answer = {
                "client": slug,
                "source": source,
                "files": results,
                "totals": totals,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for result in results:
            for reason in result["refused"]:
                self.stderr.write(f"{result['path']}: {reason}")
        counts = Outcome(**{name: totals[name] for name in COUNTS})
        self.stdout.write(f"{len(results)} files for {slug} from {source}: {_sentence(counts)}")

    def _paths(self, files: list[str]) -> list[str]:
        paths: list[str] = []
        for name in files:
            path = Path(name)
            if name == "-":
                paths.append(name)
            elif path.is_dir():
                paths += [str(p) for p in sorted(path.rglob("*")) if p.is_file()]
            elif path.is_file():
                paths.append(name)
            else:
                self._wrong(f"{name} does not exist. Name a file, a folder, or - for standard input.")
        return paths

    def _wrong(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(2)


def _sentence(counts: Outcome) -> str:
    return (
        f"{counts.records} records, {counts.events} events, {counts.duplicates} duplicates,"
        f" {counts.rejected} rejected, {counts.exceptions} new exceptions"
    )
