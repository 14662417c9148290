"""Canonical bytes of member files, results and tables."""

import random
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest

from reports.populations.canonical import (
    MemberDigest,
    PopulationError,
    Result,
    canonical_field,
    canonical_table,
    end_of_day,
    event_member,
    opens_at,
    pair_member,
    parse_line,
    population_hash,
    state_member,
    write_members,
    write_results,
)
from tests.reports.populations.demo import demo_members


@pytest.mark.parametrize(
    ("count", "hours", "size", "expected"),
    [
        (12, 168, 2159, "ba19b551c1945c167e1fa1cbd0b54dffbcefa0ac7e6fdffad9cb2c61f1462db9"),
        (1204, 7, 214689, "4a841511a46e3597e1f398f093ba5317e5098dda5d5cb34c5322ba48a95d1b59"),
    ],
)
def test_the_published_population_hashes(count, hours, size, expected):
    digest = MemberDigest()
    content = b"".join(write_members(demo_members(count, hours), digest))
    assert len(content) == digest.size == size
    assert (
        sha256(content).hexdigest()
        == digest.sha256
        == expected
        == population_hash(demo_members(count, hours))
    )
    assert digest.rows == count
    assert digest.first == "2026-01-01T00:00:00.000000Z"
    assert content.split(b"\n")[1].decode() == (
        "1,e:6b01c344dbe5827bec3e711f9debb1e0,2026-01-01T00:00:00.000000Z,2026-01-01,deploy,api,user-1,build-1,ci,"
        + "0" * 64
        + ",1"
    )


def test_one_more_member_is_another_population():
    assert (
        population_hash(demo_members(13, 168))
        == "3ae0f81bf2cbbb8ff4f78bf98dfe3ab635b54e73bfc9424cb1f90f243e60076a"
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a,b", '"a,b"'),
        ('say "no"', '"say ""no"""'),
        (" lead", '" lead"'),
        ("trail ", '"trail "'),
        ("in side", "in side"),
        ("a\r\nb\tc", "a\u2423\u2423b\u2423c"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=1", "\u2423=1"),
        (" =1", '" =1"'),
        ("=a,b", '"\'=a,b"'),
        ("e\u0301", "e\u0301"),
        ("a;b", "a;b"),
        ("a'b", "a'b"),
        ("\u00a0x\u00a0", "\u00a0x\u00a0"),
    ],
)
def test_each_rule_of_a_field(value, field):
    assert canonical_field(value) == field
    assert parse_line(f"{field},x")[0] in (
        value.translate({13: "\u2423", 10: "\u2423", 9: "\u2423"}),
        field.strip('"'),
    )


def test_any_row_reads_back():
    chance = random.Random(4180)
    alphabet = "ab,\"' =+-@\u00e9\U0001f600"
    for _ in range(2000):
        row = [
            "".join(chance.choices(alphabet, k=chance.randrange(6))) for _ in range(chance.randrange(1, 5))
        ]
        if row == [""]:
            continue
        line = ",".join(map(canonical_field, row))
        assert parse_line(line) == [("'" + each if each[:1] and each[0] in "=+-@" else each) for each in row]


@pytest.mark.parametrize("line", ['"open', '"a"b,c', '"a""', 'x,"'])
def test_broken_quoting_is_refused(line):
    with pytest.raises(ValueError, match="quoted field"):
        parse_line(line)


def test_an_empty_population_is_its_header():
    assert b"".join(write_members([])) == (
        b"n,member_id,occurred_at,local_date,kind,system,subject,object,source,batch_sha256,seq\n"
    )


def test_a_long_table_comes_in_small_chunks():
    chunks = list(write_members(demo_members(5000, 1)))
    assert len(chunks) > 5
    assert max(map(len, chunks)) < 70_000


def test_the_population_is_the_same_whatever_the_language_settings(monkeypatch):
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    assert population_hash(demo_members(12, 168)).startswith("ba19b551")


def member(at=0, **changed):
    base = next(iter(demo_members(1, 1)))
    return base._replace(occurred_at=base.occurred_at + timedelta(hours=at), **changed)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member(1), member(0, member_id="d:1", source="portal", batch_sha256="", seq=None)], "out of order"),
        ([member(0, member_id="x:b"), member(0, member_id="x:a")], "out of order"),
        ([member(0), member(1)], "already"),
        ([member(0, member_id="e:1")], "no member id"),
        ([member(0, member_id="p:a b")], "no member id"),
        ([member(0, source="portal")], "portal"),
        ([member(0, seq=None)], "portal"),
        ([member(0, batch_sha256="AB")], "SHA-256"),
        ([member(0, local_date=date(2027, 1, 1))], "outside"),
    ],
)
def test_what_cannot_be_a_population_is_refused(members, words):
    with pytest.raises(PopulationError, match=words):
        list(write_members(members, window=(date(2026, 1, 1), date(2026, 12, 31))))


def test_a_result_is_one_of_three_words():
    rows = b"".join(
        write_results(
            [
                Result("x:1", "pass"),
                Result(
                    "x:2",
                    "fail",
                    "",
                    "R01",
                    "3",
                    datetime(2026, 1, 1, tzinfo=UTC),
                    "EX-2026-0001",
                    "yes",
                    ("a", "b"),
                ),
            ]
        )
    ).decode()
    assert rows.split("\n")[1:] == [
        "x:1,pass,,,,,,,",
        "x:2,fail,,R01,3,2026-01-01T00:00:00.000000Z,EX-2026-0001,yes,a b",
        "",
    ]
    with pytest.raises(PopulationError):
        list(write_results([Result("x:1", "maybe")]))


def test_a_row_of_another_width_is_refused():
    with pytest.raises(ValueError, match="1 fields for 2 columns"):
        list(canonical_table(("a", "b"), [("1",)]))


def test_local_days_where_clocks_change():
    assert end_of_day(date(2026, 7, 1), "Europe/Zurich") == datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert end_of_day(date(2026, 12, 1), "Europe/Zurich") == datetime(2026, 12, 1, 22, 59, 59, tzinfo=UTC)
    assert opens_at(date(2026, 12, 31), "Europe/Zurich") == datetime(2026, 12, 31, 23, tzinfo=UTC)


def test_ids_hold_no_spaces():
    assert event_member(bytes(16)) == "e:" + "0" * 32
    assert (
        state_member("arn:aws:iam::1:user/a b", date(2026, 1, 2))
        == "i:arn:aws:iam::1:user/a\u2423b/2026-01-02"
    )
    assert pair_member("lea ver", "account") == "p:lea\u2423ver/account"
