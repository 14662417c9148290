"""Asking for a package, building it in the background, giving up, trying again."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from kombu.exceptions import KombuError

from evidence.batches.objects import object_name
from reports.packages.archive import BundleError
from reports.packages.build import Asked, Built, CannotBuild, built, spool_folder
from reports.packages.models import Package
from reports.packages.telling import tell_end
from tenants.clients.switch import connection_aside, current_client

log = logging.getLogger(__name__)

# First half of the advisory lock that a running build holds; the second is taken from the package's id.
LOCK: Final = 0x706B6762
UNFINISHED: Final = (Package.State.WAITING, Package.State.BUILDING)
_DISK_FULL: Final = 28


class Canceled(Exception):
    """Somebody gave the build up while it ran."""


class CannotAct(Exception):
    """What was asked of a package does not fit its state; the message says why."""


def ask(asked: Asked, *, by: UUID | None, at: datetime) -> Package:
    """Keep what is wanted and send its build to the worker; the message is a hint, the sweep finds the row."""
    package = Package.objects.create(
        kind=str(asked.kind),
        as_of=asked.start if asked.kind == 1 else None,
        period_start=asked.start if asked.kind == 2 else None,
        period_end=asked.end if asked.kind == 2 else None,
        engagement=asked.engagement,
        step="Waiting for the worker",
        asked_at=at,
        asked_by=by,
    )
    transaction.on_commit(lambda: hint(package))
    return package


def hint(package: Package) -> None:
    """Tell the worker; a broker that cannot be reached costs only the time until the next sweep."""
    from reports.packages.tasks import build_package

    message = {"client": current_client().pk, "package": str(package.pk)}
    try:
        build_package.apply_async(kwargs=message, retry=False)
    except (KombuError, OSError) as error:
        log.warning("package %s waits for the next sweep: %s", package.pk, error)


def cancel(package: Package) -> None:
    """Give up a build that waits or runs; what runs stops at its next step. Raises `CannotAct`."""
    moved = Package.objects.filter(pk=package.pk, state__in=UNFINISHED).update(
        state=Package.State.CANCELED, step="Given up", reason="Somebody gave it up before it was finished."
    )
    if not moved:
        raise CannotAct("This build has ended already, so there is nothing to give up.")


def again(package: Package, *, at: datetime) -> None:
    """Build once more what failed, was given up, or whose worker is gone. Raises `CannotAct`."""
    states = [Package.State.FAILED, Package.State.CANCELED]
    if package.state == Package.State.BUILDING and not is_running(package):
        states.append(Package.State.BUILDING)
    moved = Package.objects.filter(pk=package.pk, state__in=states).update(
        state=Package.State.WAITING, step="Waiting for the worker", progress=0, reason="", asked_at=at
    )
    if not moved:
        raise CannotAct("Only a build that failed, was given up or lost its worker can be tried again.")
    transaction.on_commit(lambda: hint(package))


def asked_of(package: Package) -> Asked:
    """Return what a package was asked to be."""
    if package.kind == "1":
        assert package.as_of is not None
        return Asked(1, package.as_of, package.as_of, package.engagement)
    assert package.period_start is not None
    assert package.period_end is not None
    return Asked(2, package.period_start, package.period_end, package.engagement)


def is_running(package: Package) -> bool:
    """Whether some worker holds the package's lock: a build whose process died holds none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [LOCK, _second(package.pk)],
        )
        return bool(cursor.fetchone()[0])


def unfinished() -> list[Package]:
    """Return what waits for a worker, and what was being built by one that is gone."""
    return [
        each
        for each in Package.objects.filter(state__in=UNFINISHED).order_by("asked_at")
        if not is_running(each)
    ]


def build(key: UUID) -> None:
    """Build one package that was asked for, unless another worker does; progress and result are kept in its row.

    Who asked for it is told of the end.
    """
    try:
        _build(key)
    finally:
        tell_end(key, at=timezone.now())


def _build(key: UUID) -> None:
    with _watched(key) as watch:
        if watch is None:
            return
        package = Package.objects.filter(pk=key, state__in=UNFINISHED).first()
        if package is None:
            return
        Package.objects.filter(pk=key, state__in=UNFINISHED).update(
            state=Package.State.BUILDING, progress=0, reason=""
        )
        try:
            with built(asked_of(package), at=timezone.now(), progress=watch.tell) as made:
                _keep(package, made, watch)
        except Canceled:
            return
        except (CannotBuild, BundleError) as error:
            _failed(key, str(error))
        except OSError as error:
            if error.errno != _DISK_FULL:
                _failed(
                    key, f"The build stopped: {error}. Try again; an operator finds more in the worker's log."
                )
                raise
            _failed(key, "The disk is full. Make room, then try again.")
        except Exception as error:
            _failed(
                key,
                f"The build stopped by a fault of ours ({type(error).__name__}). Tell the operator: package {key}.",
            )
            raise


def _keep(package: Package, made: Built, watch: "_Watch") -> None:
    """Store the zip under its own hash, then say so; a package that was given up meanwhile stays given up."""
    with tempfile.TemporaryFile(dir=spool_folder()) as target:
        sha256 = made.bundle.write_zip(target)
        size = target.tell()
        target.seek(0)
        watch.tell("Storing", 98)
        name = object_name(current_client().pk, "packages", sha256, ".zip")
        default_storage.save(name, File(target, name))
    watch.finish(
        state=Package.State.BUILT,
        step="Built",
        progress=100,
        built_at=timezone.now(),
        name=made.bundle.name,
        object_name=name,
        sha256=sha256,
        size=size,
        ledger_size=made.manifest["ledger"]["size"],
        ledger_root=made.manifest["ledger"]["root"],
        controls=made.controls,
        gaps=made.gaps,
    )


def _failed(key: UUID, reason: str) -> None:
    Package.objects.filter(pk=key, state=Package.State.BUILDING).update(
        state=Package.State.FAILED, step="Not built", reason=reason
    )


class _Watch:
    """Tells and asks about a build through a connection of its own: the build's is in one long read transaction."""

    def __init__(self, aside: BaseDatabaseWrapper, key: UUID) -> None:
        self._aside = aside
        self._key = key
        self._end: dict[str, object] = {}

    def tell(self, step: str, percent: int) -> None:
        """Keep where the build is; `Canceled` where it is not wanted any more."""
        with self._aside.cursor() as cursor:
            cursor.execute(
                "UPDATE reports_package SET step = %s, progress = %s WHERE id = %s AND state = 'building'",
                [step[:120], max(0, min(100, percent)), self._key],
            )
            if not cursor.rowcount:
                raise Canceled

    def finish(self, **values: object) -> None:
        """What is to be kept once the build's transaction has ended."""
        self._end = values

    def keep(self) -> None:
        """Keep the end, unless somebody gave the package up."""
        if self._end:
            Package.objects.filter(pk=self._key, state=Package.State.BUILDING).update(**self._end)


@contextmanager
def _watched(key: UUID) -> Iterator[_Watch | None]:
    """Hold the package's lock on a connection beside the build's; give None where another worker holds it."""
    aside = connection_aside()
    try:
        with aside.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, _second(key)])
            held = bool(cursor.fetchone()[0])
        if not held:
            yield None
            return
        watch = _Watch(aside, key)
        yield watch
        watch.keep()
    finally:
        try:
            aside.close()
        except OperationalError:
            log.warning("the connection beside the build of %s was lost", key)


def _second(key: UUID) -> int:
    return int.from_bytes(key.bytes[:4]) & 0x7FFFFFFF


def copied_out(package: Package, target: tempfile._TemporaryFileWrapper) -> None:  # type: ignore[type-arg]
    """Copy the stored zip into an open file: what checks it needs a path."""
    with default_storage.open(package.object_name, "rb") as stored:
        shutil.copyfileobj(stored, target, 1 << 20)
    target.flush()
