"""Canonical JSON against the vectors of RFC 8785, and the leaf record."""

import json
import math
import random
import struct
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from evidence.ledger.leaf import Leaf, NotCanonical, canonical, parse_canonical, parse_leaf, portable, rfc3339

# RFC 8785 appendix B: the double's bits, and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_appendix_b(bits, text):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value).decode() == text


def test_every_number_reads_back_as_the_same_double():
    chance = random.Random(8785)
    for _ in range(3000):
        (value,) = struct.unpack(">d", chance.randbytes(8))
        if math.isfinite(value):
            assert float(canonical(value)) == value


def test_the_example_of_section_3_2_2():
    value = json.loads(
        r"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
        }"""
    )
    assert canonical(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_ordered_by_utf_16_code_units():
    value = json.loads(
        r"""{
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
        }"""
    )
    assert list(json.loads(canonical(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_what_has_no_canonical_form_is_refused():
    for value in (
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        "\ud800",
        {1: 2},
        {"a": b"bytes"},
        {"\ud800": 1},
    ):
        with pytest.raises(NotCanonical):
            canonical(value)


def test_portable_makes_anything_canonical():
    value = {
        "big": 2**70,
        "nan": float("nan"),
        "half": "a\ud800b",
        "pair": "\ud83d\ude00",
        3: [b"x", (1, 2.5)],
    }
    assert canonical(portable(value)) == (
        b'{"3":["b\'x\'",[1,2.5]],"big":"1180591620717411303424","half":"a\xef\xbf\xbdb",'
        b'"nan":"nan","pair":"\xf0\x9f\x98\x80"}'
    )


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":1.0}',
        b'{"a": 1}',
        b'"\\u0041"',
        b"[1e0]",
        b"\xff",
        b"{",
        b"NaN",
        b"-0",
    ],
)
def test_another_spelling_is_not_canonical(content):
    with pytest.raises(NotCanonical):
        parse_canonical(content)


def leaf(**changed):
    values = {
        "client": uuid.UUID("5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01"),
        "seq": 17,
        "time": datetime(2026, 3, 1, 1, 2, 3, 40, tzinfo=timezone(timedelta(hours=1))),
        "kind": "batch",
        "ref": "b-1",
        "sha256": "ab" * 32,
    }
    return Leaf(**{**values, **changed})


def test_a_leaf_has_one_spelling():
    content = leaf(meta={"records": 3}).to_bytes()
    assert content == (
        b'{"actor":"system","client":"5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01","kind":"batch","meta":{"records":3},'
        b'"ref":"b-1","seq":17,"sha256":"' + b"ab" * 32 + b'","time":"2026-03-01T00:02:03.000040Z","v":1}'
    )
    assert parse_leaf(content).to_bytes() == content
    assert parse_leaf(content).time == datetime(2026, 3, 1, 0, 2, 3, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "changed",
    [{"kind": "rumor"}, {"seq": -1}, {"sha256": "AB" * 32}, {"sha256": "ab"}, {"ref": ""}, {"actor": ""}],
)
def test_a_leaf_that_others_would_refuse_is_not_made(changed):
    with pytest.raises(ValueError, match=r"leaf|ledger"):
        leaf(**changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":true'),
        (b'"seq":17', b'"seq":"17"'),
        (b'"seq":17', b'"seq":17.5'),
        (b'"meta":{}', b'"meta":[]'),
        (b'"meta":{}', b'"meta":{},"more":1'),
        (b"-2b1d-", b"-2B1D-"),
        (b"000040Z", b"000040+00:00"),
        (b"2026-03-01", b"2026-13-01"),
    ],
)
def test_a_leaf_with_another_spelling_is_refused(old, new):
    content = leaf().to_bytes()
    assert old in content
    with pytest.raises(ValueError, match=r"."):
        parse_leaf(content.replace(old, new))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        rfc3339(datetime.fromisoformat("2026-01-01"))
