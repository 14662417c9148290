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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from random import Random
from zoneinfo import ZoneInfo

from config.demo import scenes, signins
from config.demo.accounts import CLIENTS, DemoClient
from config.demo.aws_iam import Directory
from config.demo.everyday import background, deployment, nightly_backup, rotate_key, workday
from config.demo.months import Month, story_months
from config.demo.people import Tenure, Worker
from config.demo.stage import Emitted, Stage, Verdict

SEED = 20
PRIVILEGED_POLICIES = frozenset({"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"})
SNAPSHOT_AT = time(0, 5, tzinfo=UTC)
_QUOTA_ERROR = ("SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots")

Scene = Callable[[Stage], None]


# How many privileged sign-ins of M1 to M12 show a second factor; ordinary console sign-ins fill up to it.
# Those that lack one or show nothing are each a scene of the plan.
PASSES = {"harbor": 1194, "larkfield": 287}
DEPLOYMENTS = {"harbor": 34, "larkfield": 9}
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


def silent_days(slug: str, months: tuple[Month, ...]) -> tuple[date, ...]:
    """Return the days on which nothing arrives: four days of M9 at Larkfield, none at Harbor."""
    if slug != "larkfield":
        return ()
    return tuple(months[8].day(number) for number in range(12, 16))


def played(slug: str, *, seed: int = SEED, end: date, listings: bool = True) -> Iterator[Day]:
    """Play the client's story day by day, from the day before M1 (listings only) to the day before `end`.

    `listings` false leaves the daily IAM listings empty. Raises `KeyError` for an unknown client.
    """
    client, months = CLIENTS[slug], story_months(end)
    directory = _directory(client, months, seed)
    plan = _plan(client, months, seed)
    silent = silent_days(slug, months)
    stop = datetime.combine(end, time(0, tzinfo=UTC))
    eve = Day(months[0], months[0].first - timedelta(days=1))
    zone = ZoneInfo(client.zone)
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
                    played_day.deployments += getattr(scene, "func", None) is _deploys
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


def is_privileged(client: DemoClient, worker: Worker) -> bool:
    """Whether the worker's group or own policy holds one of the privileged AWS managed policies."""
    attached = {worker.policy}
    for group in client.groups:
        if group.name == worker.group:
            attached.update(group.attached)
    return bool(attached & PRIVILEGED_POLICIES)


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


# The plan ------------------------------------------------------------------------------------------------


def _plan(client: DemoClient, months: tuple[Month, ...], seed: int) -> dict[date, list[Scene]]:
    """Return the scenes of every day: what the story fixes, sign-ins up to the quota, releases."""
    plan: dict[date, list[Scene]] = defaultdict(list)
    random = Random(f"{seed}/{client.slug}/plan/{months[0].first.isoformat()}")  # noqa: S311
    if client.slug == "harbor":
        _harbor_chapters(plan, months)
        counted = _harbor_sign_ins(plan, months, random)
    else:
        _larkfield_chapters(plan, months)
        counted = _larkfield_sign_ins(plan, months, random)
    _tenures(plan, client, months)
    _console_logins(plan, client, months, random, PASSES[client.slug] - counted)
    _unprivileged_logins(plan, client, months, random)
    _releases(plan, client, months, random)
    return plan


def _at(scene: Callable[..., None], hour: float, *args: object, **named: object) -> Scene:
    """Return a scene that begins at about this local hour; `scene` takes the instant as `at`."""

    def begin(stage: Stage) -> None:
        scene(stage, *args, at=stage.clock(hour, 0.4), **named)

    return begin


def _tenures(plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...]) -> None:
    by = "rosa.delgado" if client.slug == "harbor" else "luca.steiner"
    for worker in client.workers:
        if worker.tenure.since:
            number, day = worker.tenure.since
            plan[months[number - 1].workday(day)].append(_at(scenes.joins, 10, worker, by))
        if worker.tenure.until:
            number, day = worker.tenure.until
            plan[months[number - 1].workday(day)].append(_at(scenes.leaves, 15, worker, by))


def _there(tenure: Tenure, months: tuple[Month, ...], day: date) -> bool:
    """Whether the person works on this day; two days' margin keep sign-ins away from the change itself."""
    margin = timedelta(days=3)
    if tenure.since and day < months[tenure.since[0] - 1].workday(tenure.since[1]) + margin:
        return False
    return not (tenure.until and day > months[tenure.until[0] - 1].workday(tenure.until[1]) - margin)


def _workdays(slug: str, months: tuple[Month, ...]) -> list[date]:
    silent = silent_days(slug, months)
    days = []
    for month in months:
        day = month.first
        while day <= month.last:
            if day.weekday() < 5 and day not in silent:
                days.append(day)
            day += timedelta(days=1)
    return days


def _console_logins(
    plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], random: Random, count: int
) -> None:
    """Plan `count` console sign-ins of privileged people with a factor in M1 to M12; go on at that rate."""
    now = months[12].first
    people = [w for w in client.workers if w.console and w.active and w.factor and is_privileged(client, w)]
    lost = _LOST_FACTORS.get(client.slug, ())
    away = {(months[number - 1].workday(day), name) for number, day, name in lost}
    places = [
        (day, worker.name)
        for day in _workdays(client.slug, months)
        for worker in people
        if _there(worker.tenure, months, day) and (day, worker.name) not in away
    ]
    year = [place for place in places if place[0] < now]
    since = [place for place in places if place[0] >= now]
    chosen = random.sample(year, count)
    chosen += random.sample(since, min(len(since), round(count * len(since) / len(year))))
    for day, name in sorted(chosen):
        plan[day].append(partial(_signs_in, name=name, verdict="pass", hour=8.0 + random.random() * 9.5))


def _signs_in(stage: Stage, *, name: str, verdict: Verdict, hour: float) -> None:
    signins.console_login(stage, name, stage.clock(hour), verdict)


def _unprivileged_logins(
    plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], random: Random
) -> None:
    people = [w for w in client.workers if w.console and w.active and not is_privileged(client, w)]
    for day in _workdays(client.slug, months):
        for worker in people:
            if random.random() < 0.28 and _there(worker.tenure, months, day):
                hour = 8.0 + random.random() * 9.0
                plan[day].append(partial(_signs_in, name=worker.name, verdict="", hour=hour))
        if random.random() < 0.35 and _there(people[0].tenure, months, day):
            name = people[0].name if random.random() < 0.7 else "j.smith"
            plan[day].append(_at(_mistypes, 8.0 + random.random() * 9, name))


def _mistypes(stage: Stage, name: str, *, at: datetime) -> None:
    signins.failed_login(stage, name, at)


def _releases(
    plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], random: Random
) -> None:
    usual = DEPLOYMENTS[client.slug]
    changed = {1: usual - 1, 12: usual - 1, 6: 40} if client.slug == "harbor" else {}
    for month in months:
        days = [day for day in _workdays(client.slug, months) if month.first <= day <= month.last]
        wanted = changed.get(month.number, usual)
        if month.number == 13:
            wanted = round(usual * len(days) / 21)
        for place in range(wanted):
            day = days[int(random.random() * len(days))]
            run = f"release-{month.first:%y%m}-{place + 1:02}"
            plan[day].append(partial(_deploys, hour=9.5 + random.random() * 7, run=run))


def _deploys(stage: Stage, *, hour: float, run: str) -> None:
    harbor = stage.client.slug == "harbor"
    user, role = ("svc-deploy", "LedgerDeploy") if harbor else ("svc-pipeline", "PortalDeploy")
    deployment(stage, stage.clock(hour), user, role, run)


# Month, day and person of each sign-in that lacked the factor because it had been lost that morning.
_LOST_FACTORS = {
    "harbor": ((2, 11, "lena.hartwig"), (6, 17, "henrik.dahl"), (11, 5, "theo.marchand")),
}


def _harbor_sign_ins(plan: dict[date, list[Scene]], months: tuple[Month, ...], random: Random) -> int:
    """Plan every sign-in but the ordinary ones; return how many of them pass."""
    for number, day, name in _LOST_FACTORS["harbor"]:
        by = "rosa.delgado"
        plan[months[number - 1].workday(day)].append(_at(scenes.signs_in_without_lost_factor, 10.5, name, by))
    for number in (3, 9):
        day_of = months[number - 1].workday(4)
        plan[day_of].append(_at(_bare_login, 7.2, "owen.fairbanks"))
    for number, name in ((5, "miles.okoro"), (10, "priya.raman")):
        plan[months[number - 1].workday(19)].append(_at(signins.chain_without_first_link, 18.2, name))
    mail = "victor.sanna@harborledger.example"
    plan[months[3].workday(13)].append(_at(signins.federated_login, 9.1, mail))
    # Which rights an Identity Center user has is in none of the listings that are collected.
    plan[months[6].workday(13)].append(_at(signins.center_login, 9.1, "amina.yusuf", "TOTP", "unknown"))
    plan[months[7].workday(24)].append(_at(signins.switch_from_elsewhere, 11.3, "miles.okoro"))
    passed = 0
    for number in (1, 4, 7, 10, 12):
        plan[months[number - 1].workday(3)].append(_at(signins.root_login, 16.1))
        passed += 1
    for month in months[:12]:
        for day in random.sample(range(2, 27), 7):
            name = ("miles.okoro", "priya.raman", "owen.fairbanks", "rosa.delgado")[day % 4]
            plan[month.workday(day)].append(partial(_takes_role, hour=9 + random.random() * 8, name=name))
            passed += 1
        plan[month.workday(16)].append(_at(signins.chained_roles, 13.2, "priya.raman"))
        passed += 2
    return passed


def _takes_role(stage: Stage, *, hour: float, name: str) -> None:
    role = "HarborAdmin" if stage.client.slug == "harbor" else "LarkfieldAdmin"
    signins.assume_by_human(stage, name, role, stage.clock(hour))


def _bare_login(stage: Stage, name: str, *, at: datetime) -> None:
    signins.console_login(stage, name, at, "unknown", bare=True)


def _larkfield_sign_ins(plan: dict[date, list[Scene]], months: tuple[Month, ...], random: Random) -> int:
    """Plan every sign-in but the ordinary ones; return how many of them pass."""
    heard = set(_workdays("larkfield", months))
    for month in months:
        for day in sorted({month.workday(4), month.workday(18)}):
            if month.first <= day <= month.last and day in heard:
                hour = 8.5 + random.random() * 6
                plan[day].append(partial(_signs_in, name="marco.bianchi", verdict="fail", hour=hour))
    plan[months[7].workday(20)].append(
        partial(_signs_in, name="praxisnet-support", verdict="fail", hour=20.4)
    )
    plan[months[1].workday(9)].append(_at(_bare_login, 9.3, "luca.steiner"))
    for number, name in ((3, "hanna.egli"), (6, "hanna.egli"), (11, "bruno.gasser")):
        mail = f"{name}@larkfield.example"
        plan[months[number - 1].workday(10)].append(_at(signins.federated_login, 8.4, mail))
    passed = 0
    for number in (2, 8):
        plan[months[number - 1].workday(6)].append(_at(signins.root_login, 17.0))
        passed += 1
    for month in months[:12]:
        for number in (7, 22):
            scene = partial(_takes_role, hour=10 + random.random() * 6, name="nadia.frei")
            plan[month.workday(number)].append(scene)
            passed += 1
    return passed


# The chapters --------------------------------------------------------------------------------------------


def _harbor_chapters(plan: dict[date, list[Scene]], months: tuple[Month, ...]) -> None:
    def on(number: int, day: int, scene: Scene) -> None:
        plan[months[number - 1].workday(day)].append(scene)

    on(1, 5, _at(scenes.changes_password_policy, 11.0, "rosa.delgado"))
    on(2, 16, _at(scenes.opens_port, 15.4, "owen.fairbanks", port=5432, source="198.51.100.64/32"))
    on(2, 18, _at(scenes.closes_port, 9.6, "priya.raman", port=5432, source="198.51.100.64/32"))
    on(2, 23, _at(scenes.restores_database, 10.0, "priya.raman"))
    on(5, 25, _at(_rotates, 4.0))
    on(6, 24, _at(scenes.opens_port, 19.5, "miles.okoro", port=8443, source="203.0.113.0/24"))
    on(7, 14, _at(scenes.guesses_passwords, 2.2, count=34))
    on(7, 15, _at(scenes.blocks_network, 3.1, "miles.okoro", source="198.51.100.0/28"))
    on(8, 19, _at(scenes.restores_database, 10.0, "owen.fairbanks"))
    for place, day in enumerate((4, 11, 12, 25)):
        plan[months[7].day(day)].append(partial(_backup_fails, retried=place < 3))
    on(10, 12, _at(scenes.moves_database, 19.0, "priya.raman"))
    on(11, 18, _at(scenes.guesses_passwords, 1.1, count=18))
    on(11, 24, _at(scenes.opens_store, 16.2, "lena.hartwig", bucket="harbor-ledger-exports"))
    on(12, 3, _at(scenes.closes_store, 9.8, "miles.okoro", bucket="harbor-ledger-exports"))


def _larkfield_chapters(plan: dict[date, list[Scene]], months: tuple[Month, ...]) -> None:
    def on(number: int, day: int, scene: Scene) -> None:
        plan[months[number - 1].workday(day)].append(scene)

    on(2, 4, _at(scenes.changes_password_policy, 14.0, "luca.steiner"))
    on(8, 9, _at(scenes.guesses_passwords, 23.0, count=22))
    on(8, 10, _at(scenes.blocks_network, 7.4, "luca.steiner", source="198.51.100.0/28"))
    on(11, 17, _at(scenes.opens_store, 13.5, "luca.steiner", bucket="larkfield-referrals"))
    on(12, 7, _at(scenes.closes_store, 8.9, "luca.steiner", bucket="larkfield-referrals"))
    on(12, 14, _at(scenes.stops_encrypting, 17.2, "luca.steiner"))
    night = months[11].day(22)
    while night <= months[11].last:
        plan[night].append(partial(_backup_fails, retried=False))
        night += timedelta(days=1)


def _rotates(stage: Stage, *, at: datetime) -> None:
    rotate_key(stage, at)


def _backup_fails(stage: Stage, *, retried: bool) -> None:
    """That night's snapshot fails instead; a retry three hours later may do better."""
    stage.records[:] = [e for e in stage.records if e.record["eventName"] != "CreateDBSnapshot"]
    nightly_backup(stage, stage.clock(3.0, 0.3), error=_QUOTA_ERROR)
    if retried:
        nightly_backup(stage, stage.clock(6.0, 0.3))
