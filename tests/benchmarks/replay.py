"""`replay_vs_first`: the same records once more, cut differently, against the product's own first pass.

Files cut at other places have other hashes, so that no batch is known: every record is read, asked for and
found to be there. Nothing may change but the counts of duplicates.
"""

import argparse
import io
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Figure, Side, Workers, in_turn, main, throwaway
from tests.benchmarks.records import ZONE, delivered_at, story
from tests.benchmarks.rulebook import write_rulebook

RULES = 92
SIZES = {False: (20_000, 5_000), True: (1_200, 400)}
_numbers = itertools.count(1)


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Take all files in, then the same records in other files."""
    records, per_file = SIZES[options.quick]
    with throwaway(), tempfile.TemporaryDirectory() as rulebook:
        from django.db import connections

        from controls.rules import registry

        write_rulebook(Path(rulebook), RULES)
        registry.FOLDER = Path(rulebook)
        registry.rules()
        files = story(records, per_file, 4_000)
        again = _cut_differently(files.files, per_file)
        states: dict[str, object] = {}
        slug = ""

        def first() -> Any:
            nonlocal slug
            slug = _client(files.listings)
            return slug, _receive(slug, files.files)

        def known() -> Any:
            states[slug] = _state(slug)
            return slug, _receive(slug, again)

        def check_known(ready: Any) -> int:
            found = _state(ready[0])
            assert found == states[ready[0]], "the second pass changed something"
            return _events(ready[0])

        connections.close_all()
        with Workers(1) as workers:

            def take(ready: Any) -> None:
                workers.do([(_finish, (ready[0], each)) for each in ready[1]], count=1)

            best = in_turn(
                [
                    Side("first pass", first, take, lambda ready: _events(ready[0])),
                    Side("replay", known, take, check_known),
                ],
                rounds=1 if options.quick else 3,
            )
    rate = {name: files.records / taken.seconds for name, taken in best.items()}
    yield Figure.rate("replay_vs_first", rate["replay"], rate["first pass"], "events/s", 1.0)


def _cut_differently(files: Sequence[bytes], per_file: int) -> list[bytes]:
    """The same records in files that begin and end elsewhere."""
    texts = [
        json.dumps(record, separators=(",", ":")) for file in files for record in json.loads(file)["Records"]
    ]
    shift = per_file // 3
    cuts = [0, *range(shift, len(texts), per_file), len(texts)]
    return [('{"Records":[' + ",".join(texts[a:b]) + "]}").encode() for a, b in itertools.pairwise(cuts)]


def _client(listings: bytes) -> str:
    from evidence.intake.ingest import ingest
    from evidence.intake.sources import connect
    from tenants.clients.services import create_client
    from tenants.clients.switch import client

    slug = create_client(f"replay-{next(_numbers)}", name="Replay", zone=ZONE).slug
    with client(slug):
        source = connect("aws", at=delivered_at())
        ingest(source, io.BytesIO(listings), name="iam.jsonl", way="ingest", at=delivered_at())
    return slug


def _receive(slug: str, files: Sequence[bytes]) -> list[Any]:
    from evidence.intake.services import receive_file
    from evidence.intake.sources import connect
    from tenants.clients.switch import client

    with client(slug):
        source = connect("aws", at=delivered_at())
        return [
            receive_file(source, io.BytesIO(content), name=f"{n}.json", way="ingest", at=delivered_at()).pk
            for n, content in enumerate(files)
        ]


def _finish(slug: str, delivery: Any) -> None:
    from evidence.intake.ingest import finish
    from evidence.intake.models import Delivery
    from tenants.clients.switch import client

    with client(slug):
        found = finish(Delivery.objects.get(pk=delivery), at=delivered_at())
    assert not found.waiting, found


def _events(slug: str) -> int:
    from evidence.events.models import Event
    from tenants.clients.switch import client

    with client(slug):
        return Event.objects.count()


def _state(slug: str) -> object:
    """Everything that a replay must leave as it was."""
    from controls.exceptions.models import ControlException
    from controls.results.models import Occurrence, Tally
    from tenants.clients.switch import client

    with client(slug):
        tallies = Tally.objects.order_by("rule", "local_date")
        return (
            _events(slug),
            list(
                tallies.values_list("rule", "local_date", "population", "passed", "failed", "unknown", "late")
            ),
            list(Occurrence.objects.order_by("rule", "member_id").values_list("rule", "member_id", "result")),
            list(ControlException.objects.order_by("number").values_list("number", "state", "version")),
        )


if __name__ == "__main__":
    main(figures)
