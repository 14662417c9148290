"""Prepares the portal that the journeys walk through. Run as a program: `python -m tests.journeys.world FOLDER`.

Six weeks of Harbor's story come in through the ordinary intake, on the story's clock, with what real trails have
too: a week that was never delivered, records that cannot be dated, sign-ins that do not tell of a second factor.
Larkfield has a few days, and the third client nothing at all. Everybody in the demo's story may sign in.

It runs in a process of its own because it needs the settings and the state folder of the portal that is driven,
not those of the test run. `FOLDER/world.json` says what was made.
"""

import gzip
import io
import json
import re
import sys
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import django

SECRET = "nine-good-words-for-journeys"
WEEKS = 6
# The auditor's period ends before the newest events, so that there is something the auditor must not see.
PERIOD_ENDS = timedelta(days=10)
DELIVERED = re.compile(r"_(\d{8}T\d{4})Z")


def main(folder: Path) -> None:
    """Make everything and write down what it is called."""
    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    call_command("collectstatic", verbosity=0, interactive=False)
    now = timezone.now()
    told = {
        "upload": str(folder / "upload.json.gz"),
        "people": {},
        "clients": ["harbor", "larkfield", "newcomer"],
    }
    _make_clients()
    told["people"] = _make_people(now)
    told |= _harbor(folder, now)
    _larkfield(folder, now)
    told["mail"] = _invitations(now)
    (folder / "world.json").write_text(json.dumps(told), encoding="utf-8")


def _make_clients() -> None:
    from config.demo.accounts import CLIENTS
    from tenants.clients.services import create_client

    for slug, demo in CLIENTS.items():
        create_client(slug, name=demo.name, zone=demo.zone, paper=demo.paper)
    create_client(
        "newcomer", name="Newcomer & Daughters Cooperative Insurance Society", zone="Asia/Kathmandu"
    )


def _make_people(now: datetime) -> dict[str, dict[str, str]]:
    """Everybody of the demo, and a second analyst for the journey; by role and client."""
    from config.demo.people import PORTAL_LOGINS, PortalLogin
    from tenants.clients.models import Client
    from tenants.engagements.services import open_type_2
    from tenants.members.models import MFA_ROLES, MSSP_ROLES
    from tenants.members.services import assign, give_role, give_second_factor, make_person

    everywhere = ("harbor", "larkfield", "newcomer")
    second = PortalLogin("nell.archer@northgate.example", "Nell Archer", "AN", everywhere)
    people = {}
    for login in (*PORTAL_LOGINS, second):
        user = make_person(login.email, name=login.full_name, password=SECRET)
        clients = everywhere if login.role in MSSP_ROLES else login.clients
        if login.role in MSSP_ROLES:
            give_role(user, login.role)
        for found in Client.objects.filter(slug__in=clients):
            if login.role in MSSP_ROLES:
                assign(user, client=found)
            elif login.role == "AU":
                ends = now.astimezone(found.tzinfo).date() - PERIOD_ENDS
                open_type_2(
                    found,
                    firm=login.firm,
                    period_start=ends - timedelta(days=364),
                    period_end=ends,
                    access_from=ends,
                    access_until=ends + timedelta(days=90),
                    auditors=[user],
                )
            else:
                give_role(user, login.role, client=found)
        # An analyst at work has a factor; one of a role that needs none gets it too, so that all sign in alike.
        factor = give_second_factor(user) if login.role in MFA_ROLES else None
        key = login.role if login.clients != ("larkfield",) else f"{login.role}-larkfield"
        people["AN-journey" if login is second else key] = {
            "email": login.email,
            "name": login.full_name,
            "totp": factor.secret if factor else "",
        }
    return people


def _harbor(folder: Path, now: datetime) -> dict[str, Any]:
    from config.demo.acts import act_out
    from controls.catalogue.models import Control
    from controls.catalogue.services import instantiate, put_in_place
    from controls.results.summary import refresh
    from evidence.intake.models import Source
    from evidence.intake.sources import connect, issue_token
    from evidence.ledger.services import checkpoint
    from tenants.clients.switch import client
    from tenants.members.models import User

    begin = now.date() - timedelta(weeks=WEEKS)
    with client("harbor") as found:
        instantiate(on=begin, categories=("CC", "A", "C"))
        put_in_place(("AC-01",), since=begin - timedelta(days=365))
        owner = User.objects.get(email="miles.okoro@harborledger.example")
        Control.objects.filter(pk__in=("AC-01", "AC-02")).update(owner=owner.pk)
        source = connect("aws", at=datetime.combine(begin, time(), UTC))
        trails = list(_delivered("harbor", folder / "harbor", begin, now.date()))
        logs = [place for place, (_, path) in enumerate(trails) if "CloudTrail" in path.name]
        lost, withheld = logs[len(logs) // 2], logs[-1]
        sign_in = _sign_in_of(trails[logs[-2]][1], "owen.fairbanks")
        for place, (at, path) in enumerate(trails):
            if place not in (lost, withheld):
                _take_in(source, path.name, path.read_bytes(), at)
                act_out("harbor", at=at)
                checkpoint(at=at)
        odd = _odd_records(sign_in, now)
        _take_in(source, "trail-by-hand.ndjson", odd, now - timedelta(hours=6))
        checkpoint(at=now)
        issue_token(source, at=now - timedelta(days=20), by=owner.pk)
        Source.objects.filter(pk=source.pk).update(in_scope_from=begin)
        refresh(at=now)
        _provider(found, now)
        packages = _packages(begin, now)
        return {
            **packages,
            **_late(now.astimezone(found.tzinfo).date() - PERIOD_ENDS),
            "begin": begin.isoformat(),
            "today": now.astimezone(found.tzinfo).date().isoformat(),
            "lost": trails[lost][1].name,
            **_upload(folder, trails[withheld][1], sign_in, now),
        }


def _invitations(now: datetime) -> str:
    """Invitations in every state, at Harbor and to the MSSP; returns the folder that mails are written to."""
    from django.conf import settings

    from tenants.clients.models import Client
    from tenants.invitations.services import invite_member, invite_staff, revoke
    from tenants.members.models import User

    harbor = Client.objects.get(slug="harbor")
    dana = User.objects.get(email="dana.whitlock@harborledger.example")
    ines = User.objects.get(email="ines.marchetti@northgate.example")
    for name, days in (("Wilhelmina Featherstonehaugh-Abernathy", 1), ("Ola Berg", 12)):
        email = f"{name.replace(' ', '.').lower()}@harborledger.example"
        invite_member(harbor, email=email, name=name, role="CO", by=dana, at=now - timedelta(days=days))
    gone = invite_member(
        harbor, email="typo@harborledger.example", name="Typo", role="EM", by=dana, at=now - timedelta(days=3)
    )
    revoke(gone.invitation, at=now - timedelta(days=2))
    invite_staff(email="new.analyst@northgate.example", name="Kofi Mensah", role="AN", by=ines, at=now)
    return str(settings.EMAIL_FILE_PATH)


def _late(ends: date) -> dict[str, Any]:
    """What lies after the auditor's period, and what is open within it and untouched by the journeys."""
    from controls.exceptions.models import ControlException
    from evidence.events.models import Event

    after = datetime.combine(ends + timedelta(days=2), time(), UTC)
    event = Event.objects.filter(time__gte=after).order_by("-time").first()
    late = ControlException.objects.filter(occurred_first__gte=after).latest("occurred_first")
    within = ControlException.objects.filter(occurred_first__lt=after - timedelta(days=2), state="open").get()
    assert event is not None
    return {
        "engagement": [(ends - timedelta(days=364)).isoformat(), ends.isoformat()],
        "late_event": f"/c/harbor/events/{event.batch_id}/{event.seq}/",
        "late_exception": f"/c/harbor/exceptions/{late.number}/",
        "late_words": late.number,
        "exception": within.number,
    }


def _packages(begin: date, now: datetime) -> dict[str, Any]:
    """A draft that was built, and one that was given up, as the worker and a person would leave them."""
    from reports.packages import services
    from reports.packages.build import Asked
    from reports.packages.models import Package
    from tenants.members.models import User

    by = User.objects.get(email="tomas.rhee@northgate.example").pk
    for end, given_up in ((now.date() - timedelta(days=12), False), (now.date() - timedelta(days=30), True)):
        asked = Asked(2, begin, end)
        # The one that was built is the newest, and so the first that a list leads to.
        at = now - timedelta(hours=1) if given_up else now
        package = Package.objects.create(
            kind="2", period_start=asked.start, period_end=asked.end, asked_at=at, asked_by=by
        )
        if given_up:
            services.cancel(package)
        else:
            services.build(package.pk)
            built = package.pk
    return {"package": str(built)}


def _provider(found: Any, now: datetime) -> None:
    """Harbor has an identity provider of its own, which nobody asks here."""
    from tenants.identity.services import set_provider
    from tenants.members.models import User

    set_provider(
        found,
        name="Harbor Login",
        issuer="https://login.harborledger.example",
        oidc_client_id="proofline",
        secret=SECRET,
        enabled=True,
        second_factor=True,
        by=User.objects.get(memberships__client=found, memberships__role="CA"),
        at=now,
    )


def _larkfield(folder: Path, now: datetime) -> None:
    from controls.catalogue.services import instantiate
    from controls.results.summary import refresh
    from evidence.intake.sources import connect
    from evidence.ledger.services import checkpoint
    from tenants.clients.switch import client

    begin = now.date() - timedelta(days=20)
    with client("larkfield"):
        instantiate(on=begin, categories=("CC", "PI", "P"))
        source = connect("aws", at=datetime.combine(begin, time(), UTC))
        for at, path in list(_delivered("larkfield", folder / "larkfield", begin, now.date()))[:4]:
            _take_in(source, path.name, path.read_bytes(), at)
        checkpoint(at=now)
        refresh(at=now)
    with client("newcomer"):
        refresh(at=now)


def _delivered(slug: str, folder: Path, begin: date, end: date) -> Iterator[tuple[datetime, Path]]:
    """The files of the story's last weeks, each with the time of its delivery, which never goes back."""
    from config.demo.write import write_client

    latest = datetime.combine(begin, time(), UTC)
    for path in write_client(slug, folder, end=end):
        found = DELIVERED.search(path.name)
        at = datetime.strptime(found[1], "%Y%m%dT%H%M").replace(tzinfo=UTC) if found else latest
        if at.date() > begin:
            latest = max(latest, at)
            yield latest, path


def _take_in(source: Any, name: str, body: bytes, at: datetime) -> None:
    from evidence.intake.ingest import ingest
    from evidence.intake.models import Delivery

    delivery, _ = ingest(source, io.BytesIO(body), name=name, way=Delivery.Way.INGEST, at=at)
    assert delivery.state == Delivery.State.DONE, (name, delivery.reason)


def _records(path: Path) -> list[dict[str, Any]]:
    return json.loads(gzip.decompress(path.read_bytes()))["Records"]


def _sign_in_of(path: Path, name: str) -> dict[str, Any]:
    """A console sign-in of the story, to be changed into others; of anybody's when this one has none."""
    found = [
        one
        for one in _records(path)
        if one["eventName"] == "ConsoleLogin" and "userName" in one["userIdentity"]
    ]
    return next((one for one in found if one["userIdentity"]["userName"] == name), found[0])


def _changed(sign_in: dict[str, Any], at: datetime, mfa: str | None, number: int) -> dict[str, Any]:
    one = deepcopy(sign_in)
    one["eventTime"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    one["eventID"] = f"00000000-0000-4000-8000-{number:012d}"
    additional = one.setdefault("additionalEventData", {})
    additional.pop("MFAUsed", None)
    if mfa:
        additional["MFAUsed"] = mfa
    return one


def _odd_records(sign_in: dict[str, Any], now: datetime) -> bytes:
    """Sign-ins without a factor, one of them late, one that does not tell, and three records that are no events."""
    lines = [
        _changed(sign_in, now - timedelta(hours=30), "No", 1),
        _changed(sign_in, now - timedelta(hours=29), None, 2),
        _changed(sign_in, now - 2 * PERIOD_ENDS, "No", 6),
        {name: value for name, value in _changed(sign_in, now, "Yes", 3).items() if name != "eventTime"},
        _changed(sign_in, datetime(1970, 1, 1, tzinfo=UTC), "Yes", 4),
    ]
    return (
        b"".join(json.dumps(one).encode() + b"\n" for one in lines)
        + b'{"eventVersion": "1.08", "eventName": "Cons\n'
    )


def _upload(folder: Path, withheld: Path, sign_in: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The newest log file, not delivered yet, with root in it who signed in by password alone."""
    account = sign_in["recipientAccountId"]
    root = _changed(sign_in, now - timedelta(minutes=50), "No", 5)
    root["userIdentity"] = {
        "type": "Root",
        "principalId": account,
        "arn": f"arn:aws:iam::{account}:root",
        "accountId": account,
        "accessKeyId": "",
    }
    records = [*_records(withheld), root]
    body = gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode(), mtime=0)
    (folder / "upload.json.gz").write_bytes(body)
    return {"records": len(records), "root": json.dumps(root, separators=(",", ":"))}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
