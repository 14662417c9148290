"""What happens when: the two clients' twelve months and the days since, as CloudTrail shows them.

The story is that of two companies. Harbor Ledger is healthy: 1,204 privileged sign-ins in M1 to M12, of
which three lacked a second factor and seven cannot be judged from what was collected; a vendor's account
without a factor from M5 on; sign-in records of two days of M9 that arrive in M10; a database moved in M10;
a bucket open to anyone from M11 to M12. Larkfield Clinics is troubled: two privileged accounts never
enrolled a factor; a file of M3 arrives with records that have lost their times, and a mended one follows;
nothing at all arrives on four days of M9; a bucket stands open from M11 to M12; encryption of new volumes
is off, and backups fail, at the end of M12.

Everything is derived from a seed and an end date. A day's records depend on the day and the plan only.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from config.demo.accounts import CLIENTS, DemoClient
from config.demo.aws_iam import Directory
from config.demo.everyday import background, workday
from config.demo.months import Month, story_months
from config.demo.plan import PRIVILEGED_POLICIES, is_release, plan_of, silent_days
from config.demo.stage import Emitted, Stage

SEED = 20
SNAPSHOT_AT = time(0, 5, tzinfo=UTC)
# How much the account does on an ordinary day, beside people who sign in.
WEIGHT = {"harbor": 1.25, "larkfield": 0.48}


@dataclass(frozen=True, slots=True)
class Expected:
    """What M1 to M12 hold, counted from the records themselves as they are made.

    `population` = `passed` + `failed` + `unknown`. `records` counts the distinct CloudTrail records of M1
    to M12 and `records_now` those of the current month; `damaged` of them came first without a time (and
    are rejected then). `silent` lists the days on which nothing arrives; `accounts_without_factor` the
    privileged accounts with a password and no factor at the end of each month, by month number.
    """

    population: int
    passed: int
    failed: int
    unknown: int
    records: int
    records_now: int
    damaged: int
    late: int
    deployments: dict[int, int]
    by_month: dict[int, tuple[int, int, int]]
    silent: tuple[date, ...]
    accounts_without_factor: dict[int, tuple[str, ...]]


class Day:
    """One local day that was played: its records in order of time, and the listings taken at its end."""

    __slots__ = ("day", "deployments", "details", "month", "records", "report", "taken_at", "without_factor")

    def __init__(self, month: Month, day: date) -> None:
        self.month, self.day = month, day
        self.records: list[Emitted] = []
        self.taken_at = datetime.combine(day + timedelta(days=1), SNAPSHOT_AT)
        self.details = self.report = ""
        self.without_factor: tuple[str, ...] = ()
        self.deployments = 0


def played(slug: str, *, seed: int = SEED, end: date, listings: bool = True) -> Iterator[Day]:
    """Play the client's story day by day, from two days before M1 (listings only) to the day before `end`.

    `listings` false leaves the daily IAM listings empty. Raises `KeyError` for an unknown client.
    """
    client, months = CLIENTS[slug], story_months(end)
    directory = _directory(client, months, seed)
    plan = plan_of(client, months, seed)
    silent = silent_days(slug, months)
    stop = datetime.combine(end, time(0, tzinfo=UTC))
    zone = ZoneInfo(client.zone)
    for back in (2, 1):
        eve = Day(months[0], months[0].first - timedelta(days=back))
        _list(eve, directory, listings)
        yield eve
    for month in months:
        day = month.first
        while day <= month.last:
            played_day = Day(month, day)
            if day not in silent:
                stage = Stage.open(client, directory, month, day, seed)
                _everyday(stage)
                for scene in plan.get(day, ()):
                    scene(stage)
                    played_day.deployments += is_release(scene)
                kept = [emitted for emitted in stage.records if emitted.at < stop]
                played_day.records = _marked(slug, month, day, sorted(kept, key=lambda emitted: emitted.at))
            # A listing taken after midnight belongs to the next local day, and is silent with that day.
            if played_day.taken_at.astimezone(zone).date() not in silent:
                _list(played_day, directory, listings)
            yield played_day
            day += timedelta(days=1)


@lru_cache(maxsize=8)
def expected(slug: str, *, end: date, seed: int = SEED) -> Expected:
    """Return what the client's records hold, counted from the story as it is written."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    without: dict[int, tuple[str, ...]] = {}
    for day in played(slug, seed=seed, end=end, listings=False):
        of_month = counts[day.month.number]
        for emitted in day.records:
            of_month["records"] += 1
            of_month[emitted.verdict] += 1
            of_month["late"] += emitted.late
            of_month["damaged"] += emitted.damaged
        of_month["deployments"] += day.deployments
        if day.records:
            without[day.month.number] = day.without_factor
    year = [counts[number] for number in range(1, 13)]
    passed, failed, unknown = (sum(month[kind] for month in year) for kind in ("pass", "fail", "unknown"))
    return Expected(
        population=passed + failed + unknown,
        passed=passed,
        failed=failed,
        unknown=unknown,
        records=sum(month["records"] for month in year),
        records_now=counts[13]["records"],
        damaged=sum(month["damaged"] for month in year),
        late=sum(month["late"] for month in year),
        deployments={number: counts[number]["deployments"] for number in range(1, 13)},
        by_month={
            number: (counts[number]["pass"], counts[number]["fail"], counts[number]["unknown"])
            for number in range(1, 14)
        },
        silent=silent_days(slug, story_months(end)),
        accounts_without_factor=without,
    )


def _directory(client: DemoClient, months: tuple[Month, ...], seed: int) -> Directory:
    began = datetime.combine(months[0].first, time(9, tzinfo=UTC)) - timedelta(days=900)
    directory = Directory(client.account, str(seed), began, client.groups, client.roles)
    for place, worker in enumerate(client.workers):
        if worker.tenure.since is None:
            user = directory.add_user(
                worker.name,
                began + timedelta(days=31 * place, minutes=17 * place),
                group=worker.group,
                policy=worker.policy,
                console=worker.console,
                factor=worker.factor,
                key=worker.key,
            )
            if worker.console and worker.active:
                user.last_sign_in = datetime.combine(
                    months[0].first, time(14, place, tzinfo=UTC)
                ) - timedelta(days=4)
    return directory


def _list(day: Day, directory: Directory, listings: bool) -> None:
    if listings:
        day.details = directory.authorization_details(day.taken_at)
        day.report = directory.report_answer(day.taken_at, directory.credential_report(day.taken_at))
    privileged = []
    for user in directory.users.values():
        attached = set(user.policies).union(*(directory.groups[name].attached for name in user.groups))
        if user.console and not user.device and attached & PRIVILEGED_POLICIES:
            privileged.append(user.name)
    day.without_factor = tuple(sorted(privileged))


def _everyday(stage: Stage) -> None:
    weight = WEIGHT[stage.client.slug]
    working = stage.day.weekday() < 5
    background(stage, weight=weight if working else weight * 0.7)
    if working:
        workday(stage, weight=weight)


def _marked(slug: str, month: Month, day: date, records: list[Emitted]) -> list[Emitted]:
    if slug == "harbor" and month.number == 9 and day in _late_days(month):
        return [
            emitted._replace(late=emitted.record["eventSource"] == "signin.amazonaws.com")
            for emitted in records
        ]
    if slug == "larkfield" and month.number == 3 and day in _damaged_days(month):
        return [
            emitted._replace(damaged=emitted.verdict == "" and place % 2 == 0)
            for place, emitted in enumerate(records)
        ]
    return records


def _late_days(month: Month) -> tuple[date, date]:
    first = month.workday(21)
    second = first + timedelta(days=1 if first.weekday() < 4 else 3)
    return first, second


def _damaged_days(month: Month) -> tuple[date, ...]:
    return tuple(month.day(number) for number in range(15, 19))
