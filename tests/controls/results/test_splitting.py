"""The same records in any order and any cut come to the same (T13), and again to nothing new (T14)."""

import itertools

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tenants.clients.switch import client
from tests import make
from tests.faults import line

FILES = line.story(events=14)
RECORDS = [one + b"\n" for name, content in FILES if name == "b.ndjson" for one in content.splitlines()]
OTHERS = [each for each in FILES if each[0] != "b.ndjson"]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def expected(module_database: str) -> dict:
    with client(make.client("calm")):
        line.take_in(FILES)
        return line.outcome()


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_order_and_any_cut_come_to_the_same(expected, data):
    pieces: list[tuple[str, bytes]] = []
    rest = data.draw(st.permutations(RECORDS))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append((f"{len(pieces)}.ndjson", b"".join(rest[:size])))
        rest = rest[size:]
    with client(make.client(f"cut-{next(_numbers)}")):
        line.take_in(data.draw(st.permutations(pieces + OTHERS)))
        assert line.outcome() == expected


def test_everything_again_adds_nothing(expected):
    with client("calm"):
        line.take_in(FILES)
        line.take_in([("all.ndjson", b"".join(RECORDS[::-1])), *FILES[::-1]])
        again = line.outcome()
    assert {**again, "rejected": []} == {**expected, "rejected": []}
    assert len(again["rejected"]) == len(expected["rejected"]) + 1
