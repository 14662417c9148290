"""Files of a bundle on their way: spooled once, then written as a folder or as a canonical zip.

A zip's local header wants size and checksum before the bytes, and the manifest wants every hash before the
zip begins. So each file goes into one temporary file as it is made; memory holds a chunk and a line per file.
The zip has one form: entries in path-byte order, stored, 1980-01-01 00:00:00, made by Unix, version 2.0,
mode 0100644, no extra fields, no comments, and Zip64 only above its limits.
"""

import os
import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

CHUNK_BYTES: Final = 256 * 1024
_PART: Final = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f/\\:*?\"<>|]{1,200}\Z")
_LIMIT_32: Final = 0xFFFFFFFF
_LIMIT_16: Final = 0xFFFF
_DATE_1980: Final = 0x21
_UNIX: Final = 3 << 8
_MODE: Final = 0o100644 << 16
_PLAIN, _ZIP64 = 20, 45
_UTF8_NAME: Final = 0x800


class BundleError(ValueError):
    """A bundle that must not be written as asked. The message says what to do about it."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: its path below the bundle's top, size in bytes, SHA-256, checksum, and rows if it has rows."""

    path: str
    size: int
    sha256: str
    crc: int
    rows: int | None
    _at: int

    def to_json(self) -> dict[str, object]:
        """The file's entry in the manifest."""
        entry: dict[str, object] = {"path": self.path, "bytes": self.size, "sha256": self.sha256}
        if self.rows is not None:
            entry["rows"] = self.rows
        return entry


def checked_path(path: str) -> str:
    """The path, if every reader can write it: parts of 1 to 200 characters, none of them reserved somewhere."""
    if not all(_PART.match(part) for part in path.split("/")):
        raise BundleError(f"A bundle cannot hold a file called {path!r}.")
    return path


class Spool:
    """Holds files until the archive is written. A context manager: leaving drops the temporary file."""

    def __init__(self, directory: Path | None = None) -> None:
        """Spool into `directory`, or where the system keeps temporary files."""
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 (closed by close)
        self._end = 0
        self._files: dict[str, StoredFile] = {}

    def __enter__(self) -> Self:
        """The spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop everything."""
        self.close()

    def close(self) -> None:
        """Drop the temporary file."""
        self._file.close()

    def add(self, path: str | Callable[[str], str], chunks: Iterable[bytes]) -> StoredFile:
        """Take one file's bytes. `path` may be a function of the SHA-256, for names that hold it.

        Raises `BundleError` if the path is there already or is none that every reader can write.
        """
        start = self._end
        digest, crc, newlines = sha256(), 0, 0
        self._file.seek(start)
        for chunk in chunks:
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            newlines += chunk.count(b"\n")
            self._file.write(chunk)
        self._end = self._file.tell()
        name = checked_path(path if isinstance(path, str) else path(digest.hexdigest()))
        if name in self._files:
            raise BundleError(f"The bundle has {name} already.")
        rows = newlines - 1 if name.endswith(".csv") else newlines if name.endswith(".jsonl") else None
        stored = StoredFile(name, self._end - start, digest.hexdigest(), crc, rows, start)
        self._files[name] = stored
        return stored

    def drop(self, path: str) -> None:
        """Forget a file that turned out to be one too many. Its bytes stay in the temporary file only."""
        del self._files[path]

    def __contains__(self, path: str) -> bool:
        """Whether a file of that path was added."""
        return path in self._files

    def file(self, path: str) -> StoredFile:
        """The file of that path. Raises KeyError if none was added."""
        return self._files[path]

    def files(self) -> list[StoredFile]:
        """All files, in order of their paths' bytes."""
        return sorted(self._files.values(), key=lambda stored: stored.path.encode())

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a file in chunks. Other files may be added meanwhile."""
        stored = self._files[path]
        self._file.flush()
        at, left = stored._at, stored.size
        while left:
            chunk = os.pread(self._file.fileno(), min(left, CHUNK_BYTES), at)
            if not chunk:
                raise BundleError(f"The temporary file of the bundle ended inside {path}.")
            yield chunk
            at += len(chunk)
            left -= len(chunk)

    def lines(self, path: str) -> Iterator[str]:
        """The lines of a file without their newlines."""
        rest = b""
        for chunk in self.read(path):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode()
        if rest:
            yield rest.decode()

    def write_folder(self, parent: Path, top: str) -> Path:
        """Write the files below `parent/top`, which must not exist. Returns that folder."""
        folder = parent / checked_path(top)
        folder.mkdir(parents=True)
        for stored in self.files():
            target = folder / stored.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                for chunk in self.read(stored.path):
                    out.write(chunk)
        return folder

    def write_zip(self, out: BinaryIO, top: str) -> str:
        """Write the canonical zip with `top` as its only folder. Returns the zip's SHA-256."""
        digest = sha256()
        at = 0

        def put(part: bytes) -> None:
            nonlocal at
            digest.update(part)
            out.write(part)
            at += len(part)

        directory = bytearray()
        count = 0
        for stored in self.files():
            name = f"{checked_path(top)}/{stored.path}".encode()
            directory += central_header(name, stored.crc, stored.size, at)
            count += 1
            put(local_header(name, stored.crc, stored.size))
            for chunk in self.read(stored.path):
                put(chunk)
        start = at
        put(bytes(directory))
        put(end_records(count, len(directory), start))
        return digest.hexdigest()


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8_NAME


def local_header(name: bytes, crc: int, size: int) -> bytes:
    """The header before a file's bytes."""
    large = size >= _LIMIT_32
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    shown = _LIMIT_32 if large else size
    version = _ZIP64 if large else _PLAIN
    fixed = struct.pack(
        "<4sHHHHHIIIHH", b"PK\x03\x04", version, _flags(name), 0, 0, _DATE_1980, crc, shown, shown,
        len(name), len(extra),
    )  # fmt: skip
    return fixed + name + extra


def central_header(name: bytes, crc: int, size: int, offset: int) -> bytes:
    """The file's entry in the directory at the end."""
    large, far = size >= _LIMIT_32, offset >= _LIMIT_32
    values = ([size, size] if large else []) + ([offset] if far else [])
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    shown = _LIMIT_32 if large else size
    version = _ZIP64 if values else _PLAIN
    fixed = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", _UNIX | version, version, _flags(name), 0, 0, _DATE_1980, crc,
        shown, shown, len(name), len(extra), 0, 0, 0, _MODE, _LIMIT_32 if far else offset,
    )  # fmt: skip
    return fixed + name + extra


def end_records(count: int, size: int, start: int) -> bytes:
    """What ends a zip of `count` entries whose directory has `size` bytes from `start`."""
    records = b""
    if count >= _LIMIT_16 or size >= _LIMIT_32 or start >= _LIMIT_32:
        records = struct.pack(
            "<4sQHHIIQQQQ", b"PK\x06\x06", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, start
        ) + struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    return records + struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, min(count, _LIMIT_16), min(count, _LIMIT_16),
        min(size, _LIMIT_32), min(start, _LIMIT_32), 0,
    )  # fmt: skip
