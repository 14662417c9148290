"""The sampler against its published vectors, and against a second one written only from the text."""

import hashlib
import math
import random
import uuid

import pytest

from reports.populations import sampling
from reports.populations.canonical import population_hash
from reports.populations.sampling import (
    Candidate,
    Replacement,
    SamplingError,
    auditor_seed,
    candidates,
    draw_ranked,
    draw_stratified,
    first_ranks,
    frequency_row,
    quotas,
    rank,
    sample_size,
    seed,
)
from tests.reports.populations.demo import demo_members

ENGAGEMENT = uuid.UUID("5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01")
SMALL, LARGE = (12, 168), (1204, 7)
SMALL_SEED = "451914a0a5ea692f17fdfff9eccfac5bfc96eaca26244a945696c69d177000b8"
LARGE_SEED = "1c47b6d35ba06cc8758e578925de068ea319992762a69bb485ae00bbfb7d18fb"


def pool(count, hours, by=""):
    for n, member in enumerate(demo_members(count, hours), start=1):
        stratum = {"": "", "month": member.local_date.isoformat()[:7], "system": member.system}[by]
        yield Candidate(n, member.member_id, stratum)


def numbers(text):
    return [int(each) for each in text.replace(",", " ").split()]


def drawn(rows):
    return [row.n for row in rows]


def test_published_seeds():
    assert seed(ENGAGEMENT, "CHG-01", population_hash(demo_members(*SMALL))) == SMALL_SEED
    assert seed(ENGAGEMENT, "CHG-01", population_hash(demo_members(*LARGE))) == LARGE_SEED
    assert auditor_seed("okafor-2027", population_hash(demo_members(*SMALL))).startswith("cb290828")
    assert auditor_seed("okafor-2027", population_hash(demo_members(*LARGE))).startswith("ce942ed0")


@pytest.mark.parametrize(
    ("which", "seed_hex", "n", "expected"),
    [
        (SMALL, SMALL_SEED, 7, "0679e49f591432028555a37dada9d19a87cf2260ef5b39b2c6643e4deb4cccfb"),
        (LARGE, LARGE_SEED, 457, "0021cb3b74c6aefb676b6ba2ced415ad6395b83fc96faceac681b307354ae913"),
    ],
)
def test_published_first_ranks(which, seed_hex, n, expected):
    (row,) = draw_ranked(pool(*which), seed_hex, 1)
    assert (row.n, row.rank, row.order) == (n, expected, 1)
    assert rank(seed_hex, row.member_id) == expected


def test_published_ranked_draws():
    order = numbers("7 12 1 2 8 4 10 11 3 9 5 6")
    for size in range(13):
        assert drawn(draw_ranked(pool(*SMALL), SMALL_SEED, size)) == order[:size]
    order = numbers(
        "457 857 608 817 502 715 868 1095 302 787 254 183 733 104 1076 303 486 477 204 292 539 693 339 459 789"
        " 952 1080"
    )
    assert drawn(draw_ranked(pool(*LARGE), LARGE_SEED, 25)) == order[:25]
    assert drawn(draw_ranked(pool(*LARGE), LARGE_SEED, 27)) == order


def test_published_draws_by_month():
    rows = draw_stratified(pool(*SMALL, by="month"), SMALL_SEED, 5)
    assert sorted(drawn(rows)) == numbers("1 2 7 8 12")
    assert [sum(row.stratum == month for row in rows) for month in ("2026-01", "2026-02", "2026-03")] == [
        2,
        2,
        1,
    ]
    rows = draw_stratified(pool(*LARGE, by="month"), LARGE_SEED, 25)
    assert drawn(rows) == numbers(
        "104 38 6, 183 134, 302 254, 339 363, 457 502, 608 539, 715 693, 817 787, 857 868,"
        " 952 968, 1095 1076, 1201 1193"
    )


def test_published_strata_of_the_large_population():
    sizes: dict[str, int] = {}
    for each in pool(*LARGE, by="month"):
        sizes[each.stratum] = sizes.get(each.stratum, 0) + 1
    assert list(sizes.values()) == numbers("107 96 106 103 106 103 106 107 102 107 103 58")
    assert list(quotas(sizes, 25).values()) == [3] + [2] * 11


def test_published_draws_by_system():
    rows = draw_stratified(pool(*SMALL, by="system"), SMALL_SEED, 5)
    assert drawn(rows) == numbers("7 1 2, 12 3")
    rows = draw_stratified(pool(*LARGE, by="system"), LARGE_SEED, 25)
    assert [sum(row.stratum == name for row in rows) for name in ("api", "web")] == [16, 9]


def test_published_draws_by_the_auditors_text():
    text = "okafor-2027"
    small = auditor_seed(text, population_hash(demo_members(*SMALL)))
    assert drawn(draw_ranked(pool(*SMALL), small, 5)) == numbers("7 3 11 4 8")
    large = auditor_seed(text, population_hash(demo_members(*LARGE)))
    assert drawn(draw_ranked(pool(*LARGE), large, 5)) == numbers("414 344 639 709 574")


def test_the_accuracy_check_takes_the_first_ranks():
    assert [each.n for each in first_ranks(pool(*LARGE), LARGE_SEED, 5)] == numbers("457 857 608 817 502")
    assert len(first_ranks(pool(*SMALL), SMALL_SEED, 20)) == 12


# A second sampler, written from the text alone.


def text_ranks(seed_hex, ids):
    return sorted(
        ids, key=lambda each: (hashlib.sha256((seed_hex + "\n" + each + "\n").encode()).hexdigest(), each)
    )


def text_quotas(sizes, n):
    total, k = sum(sizes.values()), len(sizes)
    each = 1 if n >= k else 0
    given = dict.fromkeys(sizes, each)
    r = n - each * k
    for name in sizes:
        given[name] = min(sizes[name], given[name] + math.floor(r * sizes[name] / total))
    rest = n - sum(given.values())
    order = sorted(sizes, key=lambda name: (-((r * sizes[name]) % total), name.encode()))
    while rest > 0:
        for name in order:
            if rest > 0 and given[name] < sizes[name]:
                given[name] += 1
                rest -= 1
    return given


def test_any_population_is_drawn_as_the_text_says():
    chance = random.Random(105)
    for _ in range(150):
        count = chance.randrange(1, 90)
        names = [f"s{each}" for each in range(chance.randrange(1, 9))] + ["\u00e9", "z"]
        rows = [
            Candidate(n, f"x:{chance.randrange(10**9)}-{n}", chance.choice(names))
            for n in range(1, count + 1)
        ]
        seed_hex = hashlib.sha256(str(chance.random()).encode()).hexdigest()
        size = chance.randrange(count + 1)
        ids = [row.member_id for row in rows]
        assert [row.member_id for row in draw_ranked(rows, seed_hex, size)] == text_ranks(seed_hex, ids)[
            :size
        ]
        strata = {}
        for row in rows:
            strata.setdefault(row.stratum, []).append(row.member_id)
        wanted = text_quotas({name: len(each) for name, each in strata.items()}, size)
        expected = []
        for name in sorted(strata, key=str.encode):
            expected += text_ranks(seed_hex, strata[name])[: wanted[name]]
        assert [row.member_id for row in draw_stratified(rows, seed_hex, size)] == expected
        shuffled = rows[:]
        chance.shuffle(shuffled)
        assert draw_stratified(shuffled, seed_hex, size) == draw_stratified(rows, seed_hex, size)


def test_quotas_never_exceed_a_stratum_and_always_sum():
    chance = random.Random(7)
    for _ in range(400):
        sizes = {f"s{each:02}": chance.choice((1, 1, 2, 3, 50)) for each in range(chance.randrange(1, 12))}
        size = chance.randrange(sum(sizes.values()) + 1)
        given = quotas(sizes, size)
        assert sum(given.values()) == size
        assert all(given[name] <= sizes[name] for name in sizes)
        assert size < len(sizes) or all(given.values())


# Replacements.


def replaced(member_id, reason="duplicate"):
    return Replacement(member_id, reason, "Ada Okafor", "Ada Okafor")


def test_a_replaced_member_stays_listed_and_the_next_rank_takes_its_place():
    plain = draw_ranked(pool(*SMALL), SMALL_SEED, 5)
    rows = draw_ranked(
        pool(*SMALL), SMALL_SEED, 5, [replaced(plain[1].member_id), replaced(plain[4].member_id)]
    )
    assert drawn(rows) == numbers("7 12 1 2 8 4 10")
    assert [row.replaces for row in rows[5:]] == [plain[1].member_id, plain[4].member_id]
    assert rows[5].reason == "duplicate; asked by Ada Okafor; approved by Ada Okafor"


def test_the_next_rank_is_that_of_the_stratum():
    plain = draw_stratified(pool(*LARGE, by="system"), LARGE_SEED, 25)
    web = [row for row in plain if row.stratum == "web"]
    longer = draw_stratified(pool(*LARGE, by="system"), LARGE_SEED, 25, [replaced(web[0].member_id)])
    assert longer[-1].stratum == "web"
    assert longer[-1].rank > web[-1].rank


def test_what_took_a_place_can_be_replaced_in_turn():
    first = draw_ranked(
        pool(*SMALL), SMALL_SEED, 5, [replaced("e:" + hashlib.sha256(b"demo-7").hexdigest()[:32])]
    )
    again = draw_ranked(
        pool(*SMALL),
        SMALL_SEED,
        5,
        [replaced("e:" + hashlib.sha256(b"demo-7").hexdigest()[:32]), replaced(first[-1].member_id)],
    )
    assert drawn(again) == numbers("7 12 1 2 8 4 10")


@pytest.mark.parametrize(
    "replacement",
    [
        replaced("e:nobody"),
        replaced("e:" + hashlib.sha256(b"demo-7").hexdigest()[:32], "hard_to_find"),
        Replacement("e:" + hashlib.sha256(b"demo-7").hexdigest()[:32], "duplicate", "Ada", ""),
    ],
)
def test_a_replacement_without_a_reason_or_an_approver_is_refused(replacement):
    with pytest.raises(SamplingError):
        draw_ranked(pool(*SMALL), SMALL_SEED, 5, [replacement])


def test_nobody_is_replaced_twice_and_somebody_must_be_left():
    seven = "e:" + hashlib.sha256(b"demo-7").hexdigest()[:32]
    with pytest.raises(SamplingError, match="not in the sample"):
        draw_ranked(pool(*SMALL), SMALL_SEED, 5, [replaced(seven), replaced(seven)])
    with pytest.raises(SamplingError, match="No member is left"):
        draw_ranked(pool(*SMALL), SMALL_SEED, 12, [replaced(seven)])


# Sizes.


@pytest.mark.parametrize(
    ("frequency", "population", "days", "level", "expected"),
    [
        ("A", 1, 365, "raised", 1),
        ("HY", 2, 365, "raised", 2),
        ("Q", 4, 365, "base", 2),
        ("M", 12, 365, "base", 2),
        ("M", 12, 365, "key", 3),
        ("M", 12, 365, "raised", 5),
        ("W", 52, 365, "key", 10),
        ("D", 365, 365, "base", 20),
        ("D", 365, 365, "raised", 40),
        ("occ", 1204, 365, "base", 25),
        ("occ", 1204, 365, "key", 40),
        ("cont", 1204, 365, "raised", 60),
        ("occ", 366, 365, "key", 25),
        ("occ", 367, 365, "key", 40),
        ("occ", 12, 90, "base", 5),
        ("occ", 13, 90, "base", 13),
        ("occ", 1, 365, "base", 1),
        ("occ", 0, 365, "base", 0),
        ("Q", 1, 365, "base", 1),
        ("D", 7, 365, "base", 7),
    ],
)
def test_sizes(frequency, population, days, level, expected):
    assert sample_size(frequency, population, days, level=level) == expected


def test_a_short_window_takes_the_row_of_its_year_rate():
    assert frequency_row("occ", 12, 90) == "W"
    assert frequency_row("occ", 13, 90) == "D"
    assert frequency_row("cont", 3, 365) == "Q"
    assert frequency_row("W", 900, 365) == "W"


@pytest.mark.parametrize("frequency", ["occ+A", "many", "", "Y"])
def test_a_frequency_without_a_row_is_refused(frequency):
    with pytest.raises(SamplingError):
        frequency_row(frequency, 1, 365)


@pytest.mark.parametrize("text", ["", "x" * 65, "caf\u00e9", "a\nb"])
def test_an_auditors_text_is_printable_ascii(text):
    with pytest.raises(SamplingError):
        auditor_seed(text, "0" * 64)


def test_strata_come_from_the_member_files_columns():
    row = ("3", "x:1", "2026-01-31T23:30:00.000000Z", "2026-02-01", "deploy", "api", "s", "o", "ci", "", "")
    for by, stratum in (
        ("month", "2026-02"),
        ("system", "api"),
        ("kind", "deploy"),
        ("source", "ci"),
        ("", ""),
    ):
        assert list(candidates([row], by)) == [Candidate(3, "x:1", stratum)]
    with pytest.raises(SamplingError):
        list(candidates([row], "subject"))


def test_there_are_only_three_reasons():
    assert set(sampling.REPLACEMENT_REASONS) == {"out_of_scope", "duplicate", "unobtainable"}
