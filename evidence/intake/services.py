"""Accepting bytes: committed before the sender is answered."""

import gzip
import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import IO, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction

from evidence.batches.objects import CHUNK, object_name, store_compressed
from evidence.intake.models import Delivery, Receipt, Source
from evidence.intake.shape import is_lines
from evidence.intake.telling import tell_refused

GZIP_MAGIC = b"\x1f\x8b"
# A packed body may unpack to this many times its size beyond the first MiB: JSON logs reach about 40.
UNPACK_RATIO = 400
# A document up to this size waits in its receipt's row; a larger one waits in an object.
ROW_LIMIT = 8 * 1024 * 1024
# A delivery that is still being received after this long was cut off with the process that took it.
RECEIVING_LIMIT = timedelta(days=1)


class TooLarge(Exception):
    """A body over the limit; the message names the limit and what to do."""


class Refused(Exception):
    """A body that cannot be taken as it is; the message says why and what to do."""


class NoRoom(Refused):
    """The disk is too full to accept anything; the message says what is left and what to do."""


def check_heard(source: Source) -> None:
    """Raise `Refused` for a source that is paused or retired: what it sends would be taken for heard."""
    if source.state != Source.State.ACTIVE:
        raise Refused(
            f"The source {source.slug} is {source.get_state_display()}, so nothing was taken. Set it active first."
        )


def check_room(size: int = 0) -> None:
    """Raise `NoRoom` unless `size` bytes fit beside what must stay free, where objects lie on a disk of ours."""
    if not hasattr(default_storage, "base_location"):  # only a directory has one
        return
    # The folder is made with the first object.
    folder = Path(default_storage.location)
    present = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(present).free
    if free - size < settings.PROOFLINE_FREE_BYTES:
        raise NoRoom(
            f"The disk has {free // 2**20} MiB left, and {settings.PROOFLINE_FREE_BYTES // 2**20} MiB stay free."
            " Nothing was taken; send it again when there is room."
        )


def receive_body(source: Source, body: bytes, *, at: datetime, name: str = "", encoding: str = "") -> Receipt:
    """Keep one pushed body (at most `PROOFLINE_PUSH_LIMIT` bytes, packed and unpacked) and return its receipt.

    The receipt is committed when this returns, so that the caller may acknowledge. A body that says gzip
    and cannot be unpacked is kept as it came: its adapter reads what can be read and rejects the rest.
    Raises `TooLarge`, `NoRoom`, or `Refused` for an empty body or a source that is not active.
    """
    check_heard(source)
    check_room(len(body))
    limit = settings.PROOFLINE_PUSH_LIMIT
    if len(body) > limit:
        raise TooLarge(f"The body has {len(body)} bytes; the limit is {limit}. Send it in smaller pieces.")
    if not body:
        raise Refused("The body is empty. Send at least one record.")
    packed_sha256 = ""
    if encoding == "gzip" or body.startswith(GZIP_MAGIC):
        packed_sha256 = hashlib.sha256(body).hexdigest()
        body = _unpacked_body(body, limit)
    shape = Receipt.Shape.LINES if is_lines(body[:CHUNK]) else Receipt.Shape.DOCUMENT
    with transaction.atomic():
        return Receipt.objects.create(
            source=source,
            received_at=at,
            shape=shape,
            name=name[:300],
            packed_sha256=packed_sha256,
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            body=body,
        )


def _unpacked_body(body: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        unpacked = decoder.decompress(body, limit + 1)
        while decoder.eof and decoder.unused_data and len(unpacked) <= limit:
            rest, decoder = decoder.unused_data, zlib.decompressobj(wbits=31)
            unpacked += decoder.decompress(rest, limit + 1 - len(unpacked))
    except zlib.error:
        return body
    if len(unpacked) > limit:
        raise TooLarge(f"The body unpacks to more than {limit} bytes, the limit. Send it in smaller pieces.")
    return unpacked if decoder.eof else body


def receive_file(
    source: Source,
    stream: BinaryIO,
    *,
    name: str,
    way: str,
    at: datetime,
    by: UUID | None = None,
) -> Delivery:
    """Keep a whole file of any size, streamed, and return its delivery.

    Transport compression is taken off and both hashes are kept. A file of lines is cut at line ends into
    several receipts; a document stays one. Every byte is committed when this returns, and none when it
    raises: then the delivery stays, refused with its reason. Raises `Refused`, or OSError where the disk
    is full.
    """
    check_heard(source)
    delivery = Delivery.objects.create(
        source=source,
        way=way,
        name=PurePath(name).name[:300] or "-",
        by=by,
        started_at=at,
    )
    try:
        check_room()
        _receive(delivery, stream, at)
    except Exception as error:
        Delivery.objects.filter(pk=delivery.pk).update(
            state=Delivery.State.REFUSED, reason=_why(error), finished_at=at
        )
        raise
    return delivery


def give_up_receiving(*, at: datetime) -> int:
    """Refuse the deliveries whose receiving died with its process, and return how many; none left a byte."""
    dead = Delivery.objects.filter(state=Delivery.State.RECEIVING, started_at__lt=at - RECEIVING_LIMIT)
    given_up = 0
    for delivery in dead.select_related("source"):
        moved = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.RECEIVING).update(
            state=Delivery.State.REFUSED,
            reason="The transfer was cut off before its last byte. Nothing of it was taken; send the file again.",
            finished_at=at,
        )
        if moved:
            given_up += 1
            tell_refused(delivery, at=at)
    return given_up


def _why(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    return f"The file could not be kept ({type(error).__name__}: {error}). Nothing of it was taken; send it again."


def _receive(delivery: Delivery, stream: BinaryIO, at: datetime) -> None:
    with tempfile.SpooledTemporaryFile(max_size=ROW_LIMIT) as arrived:
        packed = hashlib.sha256()
        size = 0
        while chunk := stream.read(CHUNK):
            packed.update(chunk)
            size += len(chunk)
            arrived.write(chunk)
        arrived.seek(0)
        delivery.bytes = size
        if arrived.read(2) == GZIP_MAGIC:
            delivery.packed_sha256 = packed.hexdigest()
        arrived.seek(0)
        with tempfile.SpooledTemporaryFile(max_size=ROW_LIMIT) as unpacked:
            body = _unpack(arrived, unpacked, size) if delivery.packed_sha256 else arrived
            delivery.sha256, total = _hash(body)
            # Whole or not at all: a process that dies between two receipts leaves none of them.
            with transaction.atomic():
                _keep(delivery, body, total, at)
                delivery.state = Delivery.State.RECEIVED
                delivery.save()


def _unpack(arrived: IO[bytes], unpacked: IO[bytes], size: int) -> IO[bytes]:
    """Unpack into `unpacked` and return it; a file that cannot be unpacked whole is kept as it came."""
    allowed = CHUNK + size * UNPACK_RATIO
    try:
        with gzip.GzipFile(fileobj=arrived, mode="rb") as reader:
            while chunk := reader.read(CHUNK):
                unpacked.write(chunk)
                if unpacked.tell() > allowed:
                    raise Refused(
                        f"The file unpacks to more than {UNPACK_RATIO} times its size, which no log does."
                        " Unpack it yourself and send the log files in it."
                    )
    except (EOFError, OSError, zlib.error):
        # Truncated or damaged: its adapter reads what can be read and rejects the rest with a reason.
        arrived.seek(0)
        return arrived
    unpacked.seek(0)
    return unpacked


def _hash(body: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := body.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    body.seek(0)
    return digest.hexdigest(), size


def _keep(delivery: Delivery, body: IO[bytes], size: int, at: datetime) -> None:
    head = body.read(CHUNK)
    body.seek(0)
    if is_lines(head):
        for lines in _line_blocks(body):
            _receipt(delivery, lines, Receipt.Shape.LINES, at)
    elif size <= ROW_LIMIT:
        _receipt(delivery, body.read(), Receipt.Shape.DOCUMENT, at)
    else:
        name = object_name(connection.tenant.id, "raw", delivery.sha256, ".zst")
        store_compressed(name, body, size)
        Receipt.objects.create(
            source=delivery.source,
            delivery=delivery,
            received_at=at,
            shape=Receipt.Shape.DOCUMENT,
            name=delivery.name,
            packed_sha256=delivery.packed_sha256,
            sha256=delivery.sha256,
            size=size,
            object_name=name,
        )


def _line_blocks(body: IO[bytes]) -> Iterator[bytes]:
    """Cut at line ends into blocks of at most the sealing size (one longer line stays whole)."""
    limit = settings.PROOFLINE_SEAL_BYTES
    block: list[bytes] = []
    size = 0
    for line in body:
        if size + len(line) > limit and block:
            yield b"".join(block)
            block, size = [], 0
        block.append(line)
        size += len(line)
    if block:
        yield b"".join(block)


def _receipt(delivery: Delivery, body: bytes, shape: str, at: datetime) -> None:
    Receipt.objects.create(
        source=delivery.source,
        delivery=delivery,
        received_at=at,
        shape=shape,
        name=delivery.name,
        packed_sha256=delivery.packed_sha256,
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        body=body,
    )
