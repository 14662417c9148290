"""Raw bytes on a page are readable text, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.batches.showing import SHOWN, indented, readable, shown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"a\x00b", "a\\x00b"),
        ("a\u202eb".encode(), "a\\u202eb"),
        ("\ufeff{}".encode(), "\\ufeff{}"),
        ("naïve 日本".encode(), "naïve 日本"),
        (b"line\n\ttab", "line\n\ttab"),
    ],
)
def test_hidden_characters_and_broken_bytes_are_shown_by_their_codes(raw, text):
    assert readable(raw) == text


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_comes_can_be_shown(raw):
    text, note = shown(raw)
    assert not any(ord(each) < 32 and each not in "\n\t" for each in text)
    assert f"{len(raw):,} bytes" in note


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(JSON)
def test_indenting_changes_no_value(value):
    compact = json.dumps(value, ensure_ascii=True)
    text = indented(compact.encode())
    assert text is not None
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "raw",
    [b'{"a":1,"a":2}', b'{"n":1e400,"m":0.10,"big":123456789012345678901234567890}', b'{"e":{},"l":[]}'],
)
def test_double_names_and_numbers_stay_as_they_were_sent(raw):
    text = indented(raw)
    assert text is not None
    assert text.replace(" ", "").replace("\n", "") == raw.decode()


@pytest.mark.parametrize("raw", [b"", b"{", b"not json", b"\xff", b"[" * 5000])
def test_what_is_no_json_is_not_indented(raw):
    assert indented(raw) is None


def test_a_very_long_record_is_cut_on_the_page_and_says_so():
    text, note = shown(b"x" * (SHOWN + 1))
    assert len(text) == SHOWN
    assert note.startswith(f"the first {SHOWN:,} of")
