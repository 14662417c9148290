"""The product's own adapter finds in the simulated files what the story put there, and nothing else."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from config.demo.story import expected
from evidence.ocsf.event import Event
from evidence.sources import registry
from evidence.sources.contract import Rejected, Snapshot, Window
from tests.config.demo.reading import END, Written

WINDOW = Window.around(datetime(END.year, END.month, END.day, 1, tzinfo=UTC))


@pytest.mark.slow
def test_the_adapter_reads_every_record_and_rejects_only_those_without_a_time(written: Written) -> None:
    adapter = registry.adapter("aws")
    events: set[bytes] = set()
    counts: Counter[str] = Counter()
    for path in written.paths:
        with path.open("rb") as stream:
            for output in adapter.read(stream, window=WINDOW, name=path.name):
                if isinstance(output, Event):
                    events.add(output.uid)
                elif isinstance(output, Rejected):
                    counts[output.code] += 1
                elif isinstance(output, Snapshot):
                    counts[output.kind] += 1
    said = expected(written.slug, end=END)
    assert len(events) == said.records + said.records_now == len(written.records)
    assert counts.pop("no_time", 0) == said.damaged
    assert counts == {"grants": len(written.details), "accounts": len(written.reports)}
