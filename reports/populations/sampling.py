"""Drawing a sample so that nobody picks: seed, ranks, strata, sizes and replacements.

The seed derives from the engagement, the control and the population's hash; a member's rank is the SHA-256 of
seed and member id; a sample is the first n ranks. Anybody with the member file can draw it again with
`sha256sum` and `sort`. Drawing streams: it keeps n candidates a stratum, not the population.
"""

import heapq
import re
import uuid
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

REPLACEMENT_REASONS: Final = {
    "out_of_scope": "not a member of the control's scope",
    "duplicate": "duplicate of another member",
    "unobtainable": "evidence lawfully unobtainable",
}
STRATA: Final = ("month", "system", "kind", "source")
LEVELS: Final = ("base", "key", "raised")
# Rows: frequency → sizes per level. Settings; each package carries those it used.
SIZES: Final[Mapping[str, tuple[int, int, int]]] = {
    "A": (1, 1, 1),
    "HY": (1, 1, 2),
    "Q": (2, 2, 2),
    "M": (2, 3, 5),
    "W": (5, 10, 15),
    "D": (20, 25, 40),
    "many": (25, 40, 60),
}
_UP_TO: Final = (("A", 1), ("HY", 2), ("Q", 4), ("M", 12), ("W", 52), ("D", 366))
_TEXT: Final = re.compile(r"[\x20-\x7e]{1,64}\Z")
_HEX64: Final = re.compile(r"[0-9a-f]{64}\Z")


class SamplingError(ValueError):
    """A draw that the rules do not allow. The message says which rule."""


def seed(scope: uuid.UUID, control: str, population_sha256: str) -> str:
    """The seed of a package's sample (scope: the engagement) or of management's quarter (the client)."""
    return _seed(str(scope), control, population_sha256)


def auditor_seed(text: str, population_sha256: str) -> str:
    """The seed from an auditor's own 1 to 64 printable ASCII characters."""
    if not _TEXT.match(text):
        raise SamplingError("A seed's text is 1 to 64 printable ASCII characters.")
    return _seed("auditor", text, population_sha256)


def _seed(first: str, second: str, population_sha256: str) -> str:
    if not _HEX64.match(population_sha256):
        raise SamplingError(f"A population hash is 64 lower-case hex digits, not {population_sha256!r}.")
    return sha256(f"proofline/seed/1\n{first}\n{second}\n{population_sha256}\n".encode()).hexdigest()


def rank(seed_hex: str, member_id: str) -> str:
    """A member's rank under a seed: 64 hex digits."""
    return sha256(f"{seed_hex}\n{member_id}\n".encode()).hexdigest()


class Candidate(NamedTuple):
    """A member as the sampler sees it: its number and id in the member file, and its stratum (or empty)."""

    n: int
    member_id: str
    stratum: str = ""


class Drawn(NamedTuple):
    """One row of a sample file. `order` runs from 1; `replaces` is the member whose place it takes."""

    order: int
    rank: str
    member_id: str
    n: int
    stratum: str
    replaces: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replacement:
    """That a drawn member is set aside: why (a key of `REPLACEMENT_REASONS`), who asked, who approved."""

    member_id: str
    reason: str
    asked_by: str
    approved_by: str

    def words(self) -> str:
        """The reason as the sample file has it."""
        return f"{self.reason}; asked by {self.asked_by}; approved by {self.approved_by}"


def quotas(strata: Mapping[str, int], size: int) -> dict[str, int]:
    """How many of a sample of `size` fall to each stratum, given the strata's sizes.

    Each gets 1 if there are enough; of the rest each gets its floor share, and what remains goes one by one
    in order of falling remainder, then name by bytes, passing over full strata.
    """
    total = sum(strata.values())
    size = min(size, total)
    names = sorted((name for name, count in strata.items() if count), key=str.encode)
    if size >= len(names):
        given = dict.fromkeys(names, 1)
        rest = size - len(names)
    else:
        given = dict.fromkeys(names, 0)
        rest = size
    share = rest
    for name in names:
        extra = min(share * strata[name] // total, strata[name] - given[name])
        given[name] += extra
        rest -= extra
    # `sorted` is stable: equal remainders stay in order of the names' bytes.
    by_remainder = sorted(names, key=lambda name: -(share * strata[name] % total))
    while rest:
        for name in by_remainder:
            if rest and given[name] < strata[name]:
                given[name] += 1
                rest -= 1
    return given


class _Lowest:
    """The lowest `limit` ranks of a stream, and how many there were."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self._kept: list[tuple[str, bytes, Candidate]] = []

    def add(self, rank_hex: str, candidate: Candidate) -> None:
        self.count += 1
        if len(self._kept) < self.limit or (self._kept and rank_hex <= self._kept[-1][0]):
            insort(self._kept, (rank_hex, candidate.member_id.encode(), candidate))
            del self._kept[self.limit :]

    def first(self, count: int) -> list[tuple[str, Candidate]]:
        return [(rank_hex, candidate) for rank_hex, _, candidate in self._kept[:count]]


def draw_ranked(
    members: Iterable[Candidate], seed_hex: str, size: int, replacements: Sequence[Replacement] = ()
) -> list[Drawn]:
    """The first `size` ranks, then each replacement by the next rank."""
    candidates = (candidate._replace(stratum="") for candidate in members)
    return _draw(candidates, seed_hex, size, replacements)


def draw_stratified(
    members: Iterable[Candidate], seed_hex: str, size: int, replacements: Sequence[Replacement] = ()
) -> list[Drawn]:
    """As `draw_ranked` within each stratum, strata in order of their names' bytes, sizes by `quotas`."""
    return _draw(members, seed_hex, size, replacements)


def _draw(
    members: Iterable[Candidate], seed_hex: str, size: int, replacements: Sequence[Replacement]
) -> list[Drawn]:
    if size < 0:
        raise SamplingError(f"A sample has a size from 0, not {size}.")
    strata: dict[str, _Lowest] = {}
    for candidate in members:
        lowest = strata.get(candidate.stratum)
        if lowest is None:
            lowest = strata[candidate.stratum] = _Lowest(size + len(replacements))
        lowest.add(rank(seed_hex, candidate.member_id), candidate)
    share = quotas({name: lowest.count for name, lowest in strata.items()}, size)
    rows: list[Drawn] = []
    for name in sorted(share, key=str.encode):
        for rank_hex, candidate in strata[name].first(share[name]):
            rows.append(Drawn(len(rows) + 1, rank_hex, candidate.member_id, candidate.n, name))
    return _replaced(rows, strata, share, replacements)


def _replaced(
    rows: list[Drawn],
    strata: Mapping[str, _Lowest],
    used: dict[str, int],
    replacements: Sequence[Replacement],
) -> list[Drawn]:
    set_aside: set[str] = set()
    for each in replacements:
        if each.reason not in REPLACEMENT_REASONS:
            raise SamplingError(
                f"{each.reason!r} is no reason to replace a member; only {', '.join(REPLACEMENT_REASONS)} are."
            )
        if not each.asked_by or not each.approved_by:
            raise SamplingError(f"Replacing {each.member_id} needs who asked and who approved.")
        row = next((row for row in rows if row.member_id == each.member_id), None)
        if row is None or each.member_id in set_aside:
            raise SamplingError(f"{each.member_id} is not in the sample, so it cannot be replaced.")
        set_aside.add(each.member_id)
        following = strata[row.stratum].first(used[row.stratum] + 1)
        if len(following) <= used[row.stratum]:
            raise SamplingError(f"No member is left to take the place of {each.member_id}.")
        rank_hex, candidate = following[-1]
        used[row.stratum] += 1
        rows.append(
            Drawn(
                len(rows) + 1,
                rank_hex,
                candidate.member_id,
                candidate.n,
                row.stratum,
                each.member_id,
                each.words(),
            )
        )
    return rows


def candidates(rows: Iterable[Sequence[str]], stratum_by: str = "") -> Iterator[Candidate]:
    """Candidates from the fields of a member file's rows, with the stratum that `stratum_by` names."""
    if stratum_by and stratum_by not in STRATA:
        raise SamplingError(f"Strata are by {', '.join(STRATA)}, not {stratum_by!r}.")
    for row in rows:
        if not stratum_by:
            stratum = ""
        elif stratum_by == "month":
            stratum = row[3][:7]
        else:
            stratum = row[{"kind": 4, "system": 5, "source": 8}[stratum_by]]
        yield Candidate(int(row[0]), row[1], stratum)


def frequency_row(frequency: str, population: int, window_days: int) -> str:
    """The row of the size table: a calendar frequency's own; `occ` and `cont` by the population's year rate."""
    if frequency in SIZES and frequency != "many":
        return frequency
    if frequency not in ("occ", "cont"):
        raise SamplingError(
            f"A sample's frequency is one of {', '.join(SIZES)}, occ or cont, not {frequency!r};"
            " a combined one has a population per part."
        )
    if window_days < 1:
        raise SamplingError("A window has at least one day.")
    a_year = -(-population * 365 // window_days)
    return next((name for name, limit in _UP_TO if a_year <= limit), "many")


def sample_size(
    frequency: str,
    population: int,
    window_days: int,
    *,
    level: str = "base",
    sizes: Mapping[str, Sequence[int]] = SIZES,
) -> int:
    """How many to draw: the table's figure for frequency and level, never above the population."""
    if level not in LEVELS:
        raise SamplingError(f"A sample's level is one of {', '.join(LEVELS)}, not {level!r}.")
    row = frequency_row(frequency, population, window_days)
    return min(population, sizes[row][LEVELS.index(level)])


def first_ranks(members: Iterable[Candidate], seed_hex: str, count: int) -> list[Candidate]:
    """The members of the first `count` ranks, in order of rank: those whose rows are traced to raw bytes."""
    lowest = heapq.nsmallest(
        count,
        ((rank(seed_hex, each.member_id), each.member_id.encode(), each) for each in members),
    )
    return [candidate for _, _, candidate in lowest]
