"""Where sealed bytes live: compressed, named by the SHA-256 of the bytes unpacked, synced before their row."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from uuid import UUID

import zstandard
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage

CHUNK = 1 << 20
LEVEL = 3


class DurableFileSystemStorage(FileSystemStorage):
    """A directory as object store. A saved object survives a power cut: file and folder are synced.

    The object appears under its name only when it is whole (written beside it, then renamed).
    """

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        """Store `content` under exactly `name`; an object of that name is left as it is."""
        if not name:
            raise ValueError("an object needs a name")
        path = Path(self.path(name))
        if path.exists():
            # Another process may have renamed it an instant ago.
            _sync(path.parent)
            return name
        _make_folder(path.parent)
        partial = path.with_name(f"{path.name}.{os.getpid()}.{id(content)}.partial")
        try:
            with partial.open("wb") as target:
                while chunk := content.read(CHUNK):
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        return name


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each synced into the one that holds it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def object_name(client: UUID, room: str, sha256: str, suffix: str) -> str:
    """Return `{client}/{room}/{two hex}/{sha256}{suffix}`: every object belongs to exactly one client."""
    return f"{client}/{room}/{sha256[:2]}/{sha256}{suffix}"


def store_compressed(name: str, stream: IO[bytes], size: int) -> int:
    """Compress `size` bytes of `stream` into the object `name`; return the bytes stored.

    An object that is there already is complete and the same, being named by its content.
    """
    if default_storage.exists(name):
        return default_storage.size(name)
    reader = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_reader(stream, size=size)
    default_storage.save(name, File(cast("IO[bytes]", _Chunked(reader)), name))
    return default_storage.size(name)


class _Chunked(io.RawIOBase):
    """Lets Django's `File.chunks` read a compressor, which cannot seek."""

    def __init__(self, reader: object) -> None:
        self._reader = cast("BinaryIO", reader)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._reader.read(size)


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Give the unpacked bytes of an object as a stream of bounded memory."""
    with default_storage.open(name, "rb") as packed:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        yield cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", reader), CHUNK))
