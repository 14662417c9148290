"""Building a package: from one signed head of the ledger to a bundle that verifies offline."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from controls.catalogue.loader import FOLDER as CATALOGUE
from controls.rules.registry import FOLDER as RULES
from evidence.ledger.services import checkpoint
from reports.packages.bundle import Bundle, Tables, Terms
from reports.packages.description import assertion, description
from reports.packages.document import document
from reports.packages.gather import Gathered, at_head
from reports.render.pdf import write_pdf
from tenants.clients.period import Period
from tenants.engagements.models import Engagement
from tenants.secrets.signing import current_key

# What `progress` is told: a step in words, and how much is done, 0 to 100.
Progress = Callable[[str, int], None]


class CannotBuild(Exception):
    """A package that cannot be built as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which package: kind 1 with `as_of`, or kind 2 with `start` and `end`; all client-zone days."""

    kind: int
    start: date
    end: date
    engagement: UUID | None = None

    @classmethod
    def type_1(cls, as_of: date, engagement: UUID | None = None) -> "Asked":
        """A Type I as of one date."""
        return cls(1, as_of, as_of, engagement)

    @classmethod
    def type_2(cls, period: Period, engagement: UUID | None = None) -> "Asked":
        """A Type II over a period."""
        return cls(2, period.start, period.end, engagement)


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle that was sealed, with what the command and the page print of it."""

    bundle: Bundle
    manifest: dict[str, Any]
    controls: dict[str, dict[str, Any]]
    gaps: int


def quiet(step: str, percent: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def built(asked: Asked, *, at: datetime, progress: Progress = quiet) -> Iterator[Built]:
    """Build a draft of the present client and give it sealed; its spool is dropped at the end of the block.

    Everything is read in one transaction, as it stood at the head that is signed first. Raises `CannotBuild`.
    """
    progress("Signing the ledger's head", 2)
    head = checkpoint(at=at)
    if head is None:
        raise CannotBuild("Nothing was received yet, so there is nothing to package. Connect a source first.")
    period = Period(asked.start, asked.end, connection.tenant.tzinfo)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        gathered = at_head(period, head)
        with Bundle(_terms(asked, gathered), spool_folder()) as bundle:
            yield _fill(bundle, gathered, asked, progress)


def _fill(bundle: Bundle, gathered: Gathered, asked: Asked, progress: Progress) -> Built:
    progress("Reading coverage", 5)
    bundle.add_coverage(gathered.coverage_rows())
    tested = list(gathered.tested(kind=asked.kind))
    for done, (control, procedure) in enumerate(tested):
        progress(f"Listing the population of {control.pk}.{procedure.rule_id}", 10 + 40 * done // len(tested))
        kept = {}
        for event in gathered.evidence(control, procedure):
            path = bundle.add_event(event)
            kept[event.member_id] = bundle.spool.file(path).sha256
        listed = bundle.add_population(gathered.sheet(control, procedure), gathered.members(procedure, kept))
        listed.agreeing = gathered.agreeing(procedure, [each.member_id for each in listed.first_ranks])
    progress("Writing controls, tests and exceptions", 55)
    pids = [f"{control.pk}.{procedure.rule_id}" for control, procedure in tested]
    bundle.add_tables(
        Tables(
            controls=gathered.control_rows(),
            criteria=gathered.criteria,
            tests=gathered.test_rows(kind=asked.kind),
            exceptions=gathered.exception_rows(pids),
        )
    )
    parts, asserted = description(gathered, asked.kind), assertion(gathered, asked.kind)
    for part in parts:
        bundle.add_description(part)
    bundle.add_assertion(asserted)
    progress("Printing the PDF", 65)
    with tempfile.TemporaryFile() as pdf:
        write_pdf(document(bundle, gathered, parts, asserted), pdf, fonts=settings.VAR_DIR / "fonts")
        pdf.seek(0)
        bundle.add_pdf(iter(lambda: pdf.read(1 << 20), b""))
    progress("Proving every leaf of the ledger", 90)
    bundle.add_ledger(gathered.ledger())
    progress("Sealing", 96)
    manifest = bundle.seal(current_key())
    return Built(bundle, manifest, _controls(bundle, gathered, asked.kind), bundle.unproven.gap_days)


def _controls(bundle: Bundle, gathered: Gathered, kind: int) -> dict[str, dict[str, Any]]:
    """Per control what `package --json` prints: population, fail, unknown, result.

    Figures of different procedures are never added: those of the first that was tested stand here, while the
    result is the control's over all of them.
    """
    figures = {}
    for result in gathered.controls:
        tested = next((p for p in result.procedures if p.days and (kind == 2 or p.kind == "state")), None)
        figures[result.control.pk] = {
            "population": tested.population if tested else 0,
            "fail": tested.failed if tested else 0,
            "unknown": tested.unknown if tested else 0,
            "result": bundle.figures[f"controls/{result.control.pk}/result"].value,
        }
    return figures


def _terms(asked: Asked, gathered: Gathered) -> Terms:
    client = connection.tenant
    engagement = (
        Engagement.objects.filter(client=client, pk=asked.engagement).first() if asked.engagement else None
    )
    return Terms(
        kind=asked.kind,
        version=1,
        client=client.id,
        slug=client.slug,
        client_name=client.name,
        first=asked.start,
        last=asked.end,
        zone=client.zone,
        categories=gathered.categories,
        head=gathered.head,
        builder_version=settings.PROOFLINE_VERSION,
        catalogue=digest_of(CATALOGUE, "*.yml"),
        rules_sha256=digest_of(RULES, "*/*.yml"),
        issued_by="system",
        engagement=engagement.pk if engagement else None,
    )


def digest_of(folder: Path, pattern: str) -> str:
    """Return the SHA-256 over the names and bytes of a folder's files, in order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def spool_folder() -> Path:
    """Where a build keeps its files until they are written: beside the objects, so a full disk shows early."""
    folder: Path = settings.VAR_DIR / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
