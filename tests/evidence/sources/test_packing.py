"""Gzip and UTF-16 are taken off by content; what is missing or damaged is told."""

import gzip
import io

import pytest

from evidence.sources.packing import Unpacked

CONTENT = b'{"a": 1}\n' * 50_000


def unpacked(packed):
    reading = Unpacked(io.BytesIO(packed))
    parts = []
    while part := reading.read(10_000):
        assert len(part) <= 10_000
        parts.append(part)
    return b"".join(parts), reading.problem


@pytest.mark.parametrize(
    "packed",
    [
        CONTENT,
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:90]) + gzip.compress(CONTENT[90:]),
        gzip.compress(CONTENT) + b"\x00" * 512,
        gzip.compress(gzip.compress(CONTENT)),
        CONTENT.decode().encode("utf-16"),
        gzip.compress(CONTENT.decode().encode("utf-16")),
    ],
    # gzip holds the time of packing: as an id it would differ from worker to worker.
    ids=["plain", "gzip", "two members", "padded", "packed twice", "utf-16", "utf-16 packed"],
)
def test_content_comes_out_whole(packed):
    assert unpacked(packed) == (CONTENT, None)


def test_a_cut_gzip_gives_its_readable_part_and_says_that_it_is_cut():
    content, problem = unpacked(gzip.compress(CONTENT)[:-20])
    assert CONTENT.startswith(content)
    assert len(content) > len(CONTENT) // 2
    assert problem is not None
    assert problem[0] == "cut"


def test_a_damaged_gzip_says_that_it_is_damaged():
    packed = bytearray(gzip.compress(CONTENT))
    packed[-6] ^= 0xFF  # the checksum
    content, problem = unpacked(bytes(packed))
    assert content == CONTENT[: len(content)]
    assert problem is not None
    assert problem[0] == "damaged"


def test_bytes_behind_a_gzip_are_told():
    content, problem = unpacked(gzip.compress(CONTENT) + b"garbage")
    assert content == CONTENT
    assert problem is not None
    assert problem[0] == "damaged"


def test_an_empty_gzip_is_empty_and_whole():
    assert unpacked(gzip.compress(b"")) == (b"", None)


def test_a_bomb_is_unpacked_in_pieces():
    reading = Unpacked(io.BytesIO(gzip.compress(b"\x00" * (64 << 20))))
    assert len(reading.read(1 << 30)) <= 1 << 20
