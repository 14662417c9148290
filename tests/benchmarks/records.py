"""CloudTrail log files for the benchmarks: the demo's records, again and again with new ids and times."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

END = date(2026, 11, 1)
ZONE = "America/New_York"


@dataclass(frozen=True)
class LogFiles:
    """Files as a trail delivers them, each of equally many records, and what was known of accounts before.

    `files` are `{"Records": […]}` unpacked. `listings` are IAM answers, as lines, that cover the records'
    days.
    """

    files: Sequence[bytes]
    listings: bytes
    counted: Counter[str]

    @cached_property
    def records(self) -> int:
        """How many records there are in all files."""
        return sum(self.counted.values())

    def first(self, count: int) -> "LogFiles":
        """The first files alone."""
        files = self.files[:count]
        counted = Counter(
            record["eventName"] for content in files for record in json.loads(content)["Records"]
        )
        return LogFiles(files, self.listings, counted)


def story(records: int, per_file: int, pattern: int) -> LogFiles:
    """The first days of Harbor's story that hold `pattern` records, repeated to so many with new ids and times."""
    from config.demo.aws import dumped
    from config.demo.story import played

    texts: list[str] = []
    listings: list[str] = []
    for day in played("harbor", end=END):
        listings += [line for line in (day.details, day.report) if line]
        texts += [dumped(emitted.record) for emitted in day.records]
        if len(texts) >= min(pattern, records):
            break
    texts = list(islice(_again(texts), records))
    return _cut(texts, per_file, "".join(line + "\n" for line in listings).encode())


def recorded(folder: Path, records: int, per_file: int) -> LogFiles:
    """Real records from files below a folder, repeated likewise."""
    from django.utils import timezone

    from evidence.ocsf.event import Event
    from evidence.sources.contract import Window
    from evidence.sources.registry import adapter

    source, texts = adapter("aws"), []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            if source.recognize(stream.read(65536), path.name) < 0.5:
                continue
            stream.seek(0)
            for output in source.read(stream, window=Window.around(timezone.now()), name=path.name):
                if isinstance(output, Event) and b'"eventID"' in output.raw:
                    texts.append(output.raw.decode())  # noqa: PERF401  (the reading stops with the file)
    if not texts:
        raise SystemExit(f"{folder} holds no CloudTrail records.")
    return _cut(list(islice(_again(texts), records)), per_file, b"")


def _cut(texts: Sequence[str], per_file: int, listings: bytes) -> LogFiles:
    counted = Counter(json.loads(text)["eventName"] for text in texts)
    files = [
        ('{"Records":[' + ",".join(texts[at : at + per_file]) + "]}").encode()
        for at in range(0, len(texts), per_file)
    ]
    return LogFiles(files, listings, counted)


# Ids of records, requests, resources and sessions: all new with every turn, the same within one.
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|ASIA[A-Z0-9]{16}")
_TIME = re.compile(r'"eventTime":\s?"([^"]+)"')


def _again(texts: Sequence[str]) -> Iterator[str]:
    """The texts over and over; from the second time on with ids and seconds that were not there before."""
    yield from texts
    turn = 0
    while True:
        turn += 1
        for text in texts:
            at = _TIME.search(text)
            if at is None:
                continue
            moved = datetime.fromisoformat(at[1]) + timedelta(seconds=turn)
            later = moved.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            fresh = _IDS.sub(partial(_renewed, turn=turn), text)
            yield fresh.replace(f'"{at[1]}"', f'"{later}"')


def _renewed(found: re.Match[str], *, turn: int) -> str:
    known = found[0]
    digest = hashlib.sha256(f"{known}/{turn}".encode()).hexdigest()
    if known.startswith("ASIA"):
        return "ASIA" + digest[:16].upper()
    return "-".join((digest[:8], digest[8:12], "4" + digest[13:16], "8" + digest[17:20], digest[20:32]))


def delivered_at() -> datetime:
    """When the files arrive."""
    return datetime.combine(END, datetime.min.time(), UTC)
