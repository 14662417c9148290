"""Reading the simulated files back, without any code of the product."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config.demo.accounts import CLIENTS
from config.demo.months import story_months

END = date(2026, 11, 24)

Record = dict[str, Any]


def documents(path: Path) -> Iterator[Any]:
    """The JSON documents of a file, whatever its name says."""
    body = path.read_bytes()
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    text, at = body.decode(), 0
    decoder = json.JSONDecoder()
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found, at = decoder.raw_decode(text, at)
        yield found


def records_of(document: dict[str, Any]) -> Iterator[Record]:
    """The CloudTrail records in a document, in any of the wrappings that the simulator uses."""
    yield from document.get("Records", ())
    for event in document.get("logEvents", ()):
        yield json.loads(event["message"])
    for event in document.get("Events", ()):
        yield json.loads(event["CloudTrailEvent"])


def instant(record: Record) -> datetime:
    """The record's time."""
    return datetime.fromisoformat(record["eventTime"])


@dataclass
class Written:
    """A client's files, read back: records by id (those that lost their time apart), and listings by instant."""

    slug: str
    paths: list[Path]
    records: dict[str, Record] = field(default_factory=dict)
    without_time: list[Record] = field(default_factory=list)
    by_path: dict[Path, list[Record]] = field(default_factory=dict)
    details: dict[datetime, dict[str, Any]] = field(default_factory=dict)
    reports: dict[datetime, dict[str, dict[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read everything once."""
        self.zone = ZoneInfo(CLIENTS[self.slug].zone)
        for path in self.paths:
            found = self.by_path[path] = []
            for document in documents(path):
                if "UserDetailList" in document:
                    said = document["ResponseMetadata"]["HTTPHeaders"]["date"]
                    at = datetime.strptime(said, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
                    self.details[at] = document
                elif "Content" in document:
                    at = datetime.fromisoformat(document["GeneratedTime"])
                    table = csv.DictReader(io.StringIO(base64.b64decode(document["Content"]).decode()))
                    self.reports[at] = {row["user"]: row for row in table}
                found.extend(records_of(document))
            for record in found:
                if "eventTime" in record:
                    self.records[record["eventID"]] = record
                else:
                    self.without_time.append(record)

    def local_day(self, record: Record) -> date:
        """The record's day in the client's zone."""
        return instant(record).astimezone(self.zone).date()

    def of_the_year(self) -> list[Record]:
        """The records of M1 to M12."""
        months = story_months(END)
        first, last = months[0].first, months[11].last
        return [record for record in self.records.values() if first <= self.local_day(record) <= last]

    def named(self, *names: str) -> list[Record]:
        """The records with one of these event names."""
        return [record for record in self.records.values() if record["eventName"] in names]
