"""Writing a client's story to files, as its AWS account delivers them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from config.demo.accounts import CLIENTS, DemoClient
from config.demo.aws import Ids, Record, dumped
from config.demo.aws_delivery import (
    log_file,
    log_file_key,
    lookup_answer,
    packed,
    subscription_message,
)
from config.demo.months import Month, story_months
from config.demo.story import SEED, Day, played

DAYS_PER_FILE = 7
"""CloudTrail delivers every five minutes; the demo's files hold a week, so that it starts in seconds."""

# Months in which a client's trail comes otherwise than as log files in a bucket.
_SUBSCRIBED = {"larkfield": (1, 2)}
_LOOKED_UP = {"larkfield": (5,)}


class _Line(NamedTuple):
    at: datetime
    record: Record
    text: str


def write_client(
    slug: str, folder: Path, *, seed: int = SEED, end: date, days_per_file: int = DAYS_PER_FILE
) -> list[Path]:
    """Write twelve months and the days of the current one up to `end`; return the files in order of delivery.

    Two kinds of files, all of source `aws`: CloudTrail records (mostly log files as CloudTrail puts them in
    a bucket; at Larkfield M1 and M2 as CloudWatch Logs subscription messages, M5 as answers of
    `lookup-events`), and the daily IAM listings (lines with the answers of
    `get-account-authorization-details` and `get-credential-report`), of which the last is taken at 00:05 UTC
    of `end`. A week's listings come before its records. The same arguments give the same bytes. No record
    is later than the start of `end` (UTC). At most the records of `days_per_file` days are held in memory.
    Raises `KeyError` for an unknown client.
    """
    return list(_files(slug, folder, seed, end, days_per_file))


def _files(slug: str, folder: Path, seed: int, end: date, days_per_file: int) -> Iterator[Path]:
    client, months = CLIENTS[slug], story_months(end)
    ids = Ids(Random(f"{seed}/{slug}/files"))
    late: list[_Line] = []
    for days in _weeks(played(slug, seed=seed, end=end), days_per_file):
        month, last = days[-1].month, days[-1].day
        listing = _listing(client, days)
        if listing:
            name = f"iam/{last:%Y/%m}/{client.account.id}_iam_{days[-1].taken_at:%Y%m%dT%H%MZ}.jsonl.gz"
            yield _save(folder, name, packed(listing))
        delivered: dict[str, list[_Line]] = {}
        mended: dict[str, list[_Line]] = {}
        for day in days:
            for emitted in day.records:
                line = _Line(emitted.at, emitted.record, dumped(emitted.record))
                if emitted.late:
                    late.append(line)
                    continue
                lines = delivered.setdefault(emitted.region, [])
                if emitted.damaged:
                    mended.setdefault(emitted.region, [])
                    damaged = {name: value for name, value in emitted.record.items() if name != "eventTime"}
                    lines.append(_Line(emitted.at, emitted.record, dumped(damaged)))
                else:
                    lines.append(line)
        for region in mended:
            mended[region] = [line._replace(text=dumped(line.record)) for line in delivered[region]]
        for files in (delivered, mended):
            for region in sorted(files):
                yield _trail(client, folder, month, region, files[region], ids)
        if late and days[0].day >= _late_arrival(months):
            yield _trail(client, folder, month, client.account.region, late, ids, at=days[-1].taken_at)
            late = []


def _late_arrival(months: tuple[Month, ...]) -> date:
    """The sign-in records that M9 lacked arrive a week into M10, after the report on M9."""
    return months[9].day(8)


def _weeks(days: Iterator[Day], size: int) -> Iterator[list[Day]]:
    """Cut the days into pieces of at most `size` days that end with a month; the eve joins the first."""
    held: list[Day] = []
    for day in days:
        held.append(day)
        if day.day < day.month.first:
            continue
        if (day.day - day.month.first).days % size == size - 1 or day.day == day.month.last:
            yield held
            held = []
    if held:
        yield held


def _listing(client: DemoClient, days: list[Day]) -> bytes:
    lines = [line for day in days if day.details for line in (day.details, day.report)]
    return "".join(line + "\n" for line in lines).encode()


def _trail(
    client: DemoClient,
    folder: Path,
    month: Month,
    region: str,
    lines: list[_Line],
    ids: Ids,
    *,
    at: datetime | None = None,
) -> Path:
    """Save records of one region as the client's trail delivers them in this month."""
    account = client.account
    delivered = (at or lines[-1].at) + timedelta(minutes=10)
    delivered -= timedelta(minutes=delivered.minute % 5, seconds=delivered.second)
    if month.number in _SUBSCRIBED.get(client.slug, ()):
        body = "".join(message + "\n" for message in _messages(client, region, lines)).encode()
        stamp = f"{delivered:%Y-%m-%d-%H-%M-%S}"
        name = f"cloudtrail-stream/{delivered:%Y/%m/%d/%H}/trail-to-evidence-1-{stamp}-{ids.uuid()}.gz"
        return _save(folder, name, packed(body))
    if month.number in _LOOKED_UP.get(client.slug, ()):
        name = f"lookup/{account.id}_{region}_{lines[0].at:%Y%m%d}-{lines[-1].at:%Y%m%d}.json"
        return _save(folder, name, lookup_answer([(line.record, line.text) for line in lines]))
    body = log_file(line.text for line in lines)
    return _save(folder, log_file_key(account, region, delivered, ids), packed(body))


def _messages(client: DemoClient, region: str, lines: list[_Line]) -> Iterator[str]:
    """One message holds at most a hundred log events; their ids grow with time, as the service's do."""
    for start in range(0, len(lines), 100):
        part = [(line.at, line.text) for line in lines[start : start + 100]]
        first = int(part[0][0].timestamp()) * 1_000_000 + start
        yield subscription_message(client.account, region, part, first)


def _save(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path
