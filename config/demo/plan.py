"""The plan of a client's story: which scenes play on which day.

First what the story fixes, by month and day; then sign-ins of privileged people up to the quota; then the
sign-ins of others, and releases.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from random import Random

from config.demo import scenes, signins
from config.demo.accounts import DemoClient
from config.demo.everyday import deployment, nightly_backup, rotate_key
from config.demo.months import Month
from config.demo.people import Tenure, Worker
from config.demo.stage import Stage, Verdict

# How many privileged sign-ins of M1 to M12 show a second factor; ordinary console sign-ins fill up to it.
# Those that lack one or show nothing are each a scene of the plan.
PASSES = {"harbor": 1194, "larkfield": 287}
# Releases by the pipeline in an ordinary month.
DEPLOYMENTS = {"harbor": 34, "larkfield": 9}
PRIVILEGED_POLICIES = frozenset({"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"})
_QUOTA_ERROR = ("SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots")

Scene = Callable[[Stage], None]


def plan_of(client: DemoClient, months: tuple[Month, ...], seed: int) -> dict[date, list[Scene]]:
    """Return the scenes of every day: what the story fixes, sign-ins up to the quota, releases.

    What is planned for a day does not depend on how many days of the current month have passed.
    """
    plan: dict[date, list[Scene]] = defaultdict(list)
    key = f"{seed}/{client.slug}/plan/{months[0].first.isoformat()}"
    if client.slug == "harbor":
        _harbor_chapters(plan, months)
        counted = _harbor_sign_ins(plan, months, Random(f"{key}/sign-ins"))
    else:
        _larkfield_chapters(plan, months)
        counted = _larkfield_sign_ins(plan, months)
    _tenures(plan, client, months)
    _console_logins(plan, client, months, key, PASSES[client.slug] - counted)
    _unprivileged_logins(plan, client, months, key)
    _releases(plan, client, months, key)
    return plan


def is_privileged(client: DemoClient, worker: Worker) -> bool:
    """Whether the worker's group or own policy holds one of the privileged AWS managed policies."""
    attached = {worker.policy}
    for group in client.groups:
        if group.name == worker.group:
            attached.update(group.attached)
    return bool(attached & PRIVILEGED_POLICIES)


def silent_days(slug: str, months: tuple[Month, ...]) -> tuple[date, ...]:
    """Return the days on which nothing arrives: four days of M9 at Larkfield, none at Harbor."""
    if slug != "larkfield":
        return ()
    return tuple(months[8].day(number) for number in range(12, 16))


def is_release(scene: Scene) -> bool:
    """Whether the scene is a release by the pipeline."""
    return getattr(scene, "func", None) is _deploys


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
    plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], key: str, count: int
) -> None:
    """Plan `count` console sign-ins of privileged people with a factor in M1 to M12; go on at that rate."""
    people = [w for w in client.workers if w.console and w.active and w.factor and is_privileged(client, w)]
    lost = _LOST_FACTORS.get(client.slug, ())
    away = {(months[number - 1].workday(day), name) for number, day, name in lost}
    places = [
        (day, worker.name)
        for day in _workdays(client.slug, months)
        for worker in people
        if _there(worker.tenure, months, day) and (day, worker.name) not in away
    ]
    year = [place for place in places if place[0] < months[12].first]
    chosen = Random(f"{key}/console").sample(year, count)
    rate = count / len(year)
    for day, name in places[len(year) :]:
        if Random(f"{key}/console/{day}/{name}").random() < rate:
            chosen.append((day, name))
    for day, name in sorted(chosen):
        plan[day].append(_at(_signs_in, _hour(key, day, name), name, "pass"))


def _hour(key: str, day: date, name: str) -> float:
    """When this person signs in on this day."""
    return 8.0 + Random(f"{key}/hour/{day}/{name}").random() * 9.2


def _signs_in(stage: Stage, name: str, verdict: Verdict, *, at: datetime) -> None:
    signins.console_login(stage, name, at, verdict)


def _unprivileged_logins(
    plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], key: str
) -> None:
    people = [w for w in client.workers if w.console and w.active and not is_privileged(client, w)]
    for day in _workdays(client.slug, months):
        random = Random(f"{key}/others/{day}")
        for worker in people:
            if random.random() < 0.28 and _there(worker.tenure, months, day):
                plan[day].append(_at(_signs_in, _hour(key, day, worker.name), worker.name, ""))
        if random.random() < 0.35 and _there(people[0].tenure, months, day):
            name = people[0].name if random.random() < 0.7 else "j.smith"
            plan[day].append(_at(_mistypes, 8.0 + random.random() * 9, name))


def _mistypes(stage: Stage, name: str, *, at: datetime) -> None:
    signins.failed_login(stage, name, at)


def _releases(plan: dict[date, list[Scene]], client: DemoClient, months: tuple[Month, ...], key: str) -> None:
    usual = DEPLOYMENTS[client.slug]
    changed = {1: usual - 1, 12: usual - 1, 6: 40} if client.slug == "harbor" else {}
    for month in months:
        days = [day for day in _workdays(client.slug, months) if month.first <= day <= month.last]
        random = Random(f"{key}/releases/{month.number}")
        wanted = changed.get(month.number, usual)
        if month.number < 13:
            chosen = sorted(days[int(random.random() * len(days))] for _ in range(wanted))
        else:
            chosen = [day for day in days for _ in range(int(usual / 21 + random.random()))]
        for place, day in enumerate(chosen, start=1):
            run = f"release-{month.first:%y%m}-{place:02}"
            hour = 9.5 + Random(f"{key}/{run}").random() * 7
            plan[day].append(partial(_deploys, hour=hour, run=run))


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
            plan[month.workday(day)].append(_at(_takes_role, 9 + random.random() * 8, name))
            passed += 1
        plan[month.workday(16)].append(_at(signins.chained_roles, 13.2, "priya.raman"))
        passed += 2
    return passed


def _takes_role(stage: Stage, name: str, *, at: datetime) -> None:
    role = "HarborAdmin" if stage.client.slug == "harbor" else "LarkfieldAdmin"
    signins.assume_by_human(stage, name, role, at)


def _bare_login(stage: Stage, name: str, *, at: datetime) -> None:
    signins.console_login(stage, name, at, "unknown", bare=True)


def _larkfield_sign_ins(plan: dict[date, list[Scene]], months: tuple[Month, ...]) -> int:
    """Plan every sign-in but the ordinary ones; return how many of them pass."""
    heard = set(_workdays("larkfield", months))
    for month in months:
        for day in sorted({month.workday(4), month.workday(18)}):
            if month.first <= day <= month.last and day in heard:
                plan[day].append(_at(_signs_in, 8.5 + day.day % 6, "marco.bianchi", "fail"))
    plan[months[7].workday(20)].append(_at(_signs_in, 20.4, "praxisnet-support", "fail"))
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
            plan[month.workday(number)].append(_at(_takes_role, 10 + month.number % 6, "nadia.frei"))
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
