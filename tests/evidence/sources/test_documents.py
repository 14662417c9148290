"""Cutting a stream into JSON values: exact bytes, bounded memory, and no byte unaccounted for."""

import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.sources.contract import Broken
from evidence.sources.documents import Scanner, is_lines

RECORD = b'{"eventTime":"2026-03-01T09:00:00Z","eventName":"GetUser"}'
GLUE = re.compile(rb"[\s,\[\]\x1e\xef\xbb\xbf]*")


class Drip:
    """Gives a few bytes at a time, as a socket does."""

    def __init__(self, content, size=7):
        self.content, self.size = content, size

    def read(self, size):
        given, self.content = self.content[: min(size, self.size)], self.content[min(size, self.size) :]
        return given


def pieces(content, lists=("Records",), **options):
    return list(Scanner(io.BytesIO(content), lists, lambda raw: b'"eventTime"' in raw, **options).pieces())


def raws(content, **options):
    return [piece.raw for piece in pieces(content, **options)]


def told(content, **options):
    return [(one.code if isinstance(one, Broken) else "", bytes(one)) for one in raws(content, **options)]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}{"b":2} {"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'{\n "a": 1\n}\n{\n "b": 2\n}\n', [b'{\n "a": 1\n}', b'{\n "b": 2\n}']),
        (b'{"a":1},\n{"b":2},\n', [b'{"a":1}', b'{"b":2}']),
        (b'\xef\xbb\xbf{"a":1}', [b'{"a":1}']),
        (b'\x1e{"a":1}\n\x1e{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'[1,2]\n"x"\n42\ntrue\n', [b"[1,2]", b'"x"', b"42", b"true"]),
        (b" \n \t\n", []),
        (b"", []),
    ],
)
def test_values_come_out_byte_for_byte(content, values):
    assert raws(content) == values
    assert [piece.raw for piece in Scanner(Drip(content)).pieces()] == values


def test_a_line_that_is_no_json_costs_that_line_only():
    content = RECORD + b"\nhello\n" + RECORD[:-9] + b"\n" + RECORD + b"\n"
    assert told(content) == [
        ("", RECORD),
        ("not_json", b"hello"),
        ("cut", RECORD[:-9]),
        ("", RECORD),
    ]


def test_two_damaged_lines_in_a_row_are_two():
    content = b'{"a":\n{"b":\n' + RECORD + b"\n"
    assert [code for code, _ in told(content)] == ["cut", "cut", ""]


def test_a_file_cut_in_a_record_tells_the_cut():
    assert told(RECORD + b"\n" + RECORD[:20]) == [("", RECORD), ("cut", RECORD[:20])]


def test_a_document_cut_in_a_record_keeps_the_records_before_it():
    content = b'{"Records":[' + RECORD + b"," + RECORD + b"," + RECORD[:20]
    assert told(content) == [("", RECORD), ("", RECORD), ("cut", RECORD[:20])]
    assert {piece.key for piece in pieces(content)[:2]} == {"Records"}


@pytest.mark.parametrize("end", [b"", b",", b"\n", b", \n"])
def test_a_document_cut_between_records_tells_the_cut_too(end):
    assert [code for code, _ in told(b'{"Records":[' + RECORD + end)] == ["", "cut"]


def test_a_document_cut_in_its_frame_tells_the_cut():
    assert [code for code, _ in told(b'{"Records":[' + RECORD + b"]")] == ["", "cut"]


def test_an_array_cut_in_a_record_keeps_the_records_before_it():
    assert [code for code, _ in told(b"[" + RECORD + b",\n" + RECORD[:20])] == ["", "cut"]


def test_a_printed_document_that_is_cut_is_one_stretch():
    assert [code for code, _ in told(json.dumps(json.loads(RECORD), indent=2).encode()[:-4])] == ["cut"]


def test_a_damaged_record_in_a_document_costs_that_record_only():
    damaged = RECORD.replace(b":", b";", 1)
    content = b'{"Records":[' + b",".join([RECORD, damaged, RECORD, damaged, damaged, RECORD]) + b"]}"
    assert [code for code, _ in told(content)] == ["", "not_json", "", "not_json", ""]
    assert told(content)[1][1] == damaged


def test_a_first_damaged_record_does_not_cost_the_others():
    damaged = RECORD.replace(b":", b";", 1)
    content = b'{"Records":[' + b",".join([damaged, RECORD, RECORD]) + b"]}"
    assert [code for code, _ in told(content)] == ["not_json", "", ""]


def test_a_large_document_is_read_as_a_stream_of_its_elements():
    content = b'{"a":{"b":[1,2]},"Records":[' + b",".join([RECORD] * 5000) + b'],"c":1}\n' + RECORD
    found = pieces(content, limit=10_000)
    assert [piece.raw for piece in found] == [RECORD] * 5001
    assert [piece.key for piece in found] == ["Records"] * 5000 + [None]


def test_a_large_array_is_read_as_a_stream_of_its_elements():
    content = b"[" + b" ,\n".join([RECORD] * 5000) + b"]"
    assert raws(content, limit=10_000) == [RECORD] * 5000


def test_memory_does_not_grow_with_a_document():
    class Endless:
        """A document of 16 MiB that is made while it is read."""

        def __init__(self):
            self.left, self.started = 16 << 20, False

        def read(self, size):
            if not self.started:
                self.started = True
                return b'{"Records":[' + RECORD
            if self.left <= 0:
                return b""
            part = (b"," + RECORD) * (size // (len(RECORD) + 1) or 1)
            self.left -= len(part)
            return part

    scanner = Scanner(Endless(), {"Records"}, limit=1 << 18)
    most = count = 0
    for count, _ in enumerate(scanner.pieces(), 1):
        if count % 10_000 == 0:
            most = max(most, len(scanner._buffer))
    assert count > 250_000
    assert most < 4 << 20


def test_a_record_over_the_limit_is_told_and_its_bytes_are_counted():
    huge = b'{"eventTime":"' + b"x" * 50_000 + b'"}'
    (one, other) = raws(huge + b"\n" + RECORD, limit=10_000)
    assert isinstance(one, Broken)
    assert (one.code, one.size) == ("too_large", len(huge) + 1)
    assert other == RECORD


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 50_000 + b"]" * 50_000])
def test_nesting_without_end_is_refused_not_followed(deep):
    found = raws(deep + b"\n" + RECORD + b"\n")
    assert isinstance(found[0], Broken)
    assert found[0].code == "too_deep"
    assert found[-1] == RECORD


def test_half_a_character_pair_is_bad_text():
    assert [code for code, _ in told(b'{"a":"\\ud800"}\n' + RECORD)] == ["bad_text", ""]
    assert [code for code, _ in told(RECORD + b'\n{"a":"\\ud800"}')] == ["", "bad_text"]


def test_a_long_text_becomes_a_hundred_lines_and_a_rest():
    found = raws(b"".join(b"line %d\n" % number for number in range(5000)) + RECORD)
    assert len(found) == 102
    assert isinstance(found[100], Broken)
    assert found[100].size == sum(len(b"line %d\n" % number) for number in range(100, 5000))
    assert found[101] == RECORD


def test_lines_that_begin_with_a_bracket_stay_cheap():
    assert len(raws(b"[03/Oct/2026:09:00:01 +0000] admin GET /\n" * 500)) == 101


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        (b'{"a":1}\n{"b":2}\n', True),
        (b'\xef\xbb\xbf{"a":1}\n', True),
        (b'{"Records":[', False),
        (b'{\n "a":1}', False),
        (b'{"a":1}', False),
        (b"user,arn\n", False),
        (b"", False),
    ],
)
def test_lines_are_told_from_documents(head, lines):
    assert is_lines(head) is lines


def assert_accounted(content, found):
    """Every byte lies in a piece, in its order, or is white space or punctuation between pieces."""
    at = 0
    for one in found:
        held = bytes(one)
        place = content.find(held, at)
        assert place >= 0
        assert GLUE.fullmatch(content[at:place]), content[at:place]
        at = place + (one.size if isinstance(one, Broken) and one.size > len(held) else len(held))
    assert GLUE.fullmatch(content[at:]), content[at:]


LINE = st.one_of(
    st.just(RECORD),
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
    st.integers(1, len(RECORD) - 1).map(lambda cut: RECORD[:cut]),
    st.sampled_from(
        [b"42", b"null", b'"text"', b"{}", b"[1]", b"{", b"[", b'"', b"]", b'{"a":', b"\x00\xff"]
    ),
    st.just(json.dumps(json.loads(RECORD), indent=1).encode()),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(LINE, max_size=12), st.booleans())
def test_no_byte_of_any_lines_is_lost(lines, newline):
    content = b"\n".join(lines) + (b"\n" if newline else b"")
    found = [piece.raw for piece in Scanner(io.BytesIO(content)).pieces()]
    assert_accounted(content, found)
    assert [piece.raw for piece in Scanner(Drip(content, 3)).pieces()] == found


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_no_byte_of_anything_is_lost(content):
    found = [piece.raw for piece in Scanner(io.BytesIO(content)).pieces()]
    if not any(isinstance(one, bytes) and not isinstance(one, Broken) for one in found):
        assert sum(len(one) for one in found) <= len(content)
    assert [piece.raw for piece in Scanner(Drip(content)).pieces()] == found
