"""R01 where the proof lies in other events: chained roles, Identity Center, one sign-in told twice."""

import datetime
import itertools

import pytest

from controls.exceptions.models import ControlException
from controls.results.models import Occurrence, Tally
from tests import make

NOON = make.NOON
SECOND = datetime.timedelta(seconds=1)
MINUTE = datetime.timedelta(minutes=1)
SIX = NOON - datetime.timedelta(hours=6)

LISTING = make.listing(SIX, {"alice": True}, {"admin": True, "deploy": True, "okta-admin": True})
REPORT = make.credential_report({"alice": True})


def listings() -> None:
    make.take_in(LISTING)
    make.take_in(REPORT, name=make.report_name(SIX))


def of(action: str) -> list[Occurrence]:
    return list(Occurrence.objects.filter(rule="R01", action=action).order_by("time"))


def counted() -> dict[str, int]:
    rows = Tally.objects.filter(rule="R01")
    return {
        name: sum(getattr(t, name) for t in rows) for name in ("population", "passed", "failed", "unknown")
    }


FIRST = make.assume_role("admin", key="ASIAFIRSTLINK0000001", mfa=True)
SECOND_LINK = make.assume_role(
    "deploy",
    by=make.role_identity("admin", "alice", key="ASIAFIRSTLINK0000001"),
    key="ASIASECONDLINK000001",
    at=NOON + MINUTE,
)


def test_a_chain_passes_by_the_factor_of_its_first_link(harbor):
    listings()
    make.take_in(make.lines([FIRST, SECOND_LINK]))
    assert [row.result for row in of("AssumeRole")] == ["pass", "pass"]


def test_a_chain_whose_first_link_was_not_ingested_is_unknown(harbor):
    listings()
    make.take_in(make.lines([SECOND_LINK]))
    assert [row.result for row in of("AssumeRole")] == ["unknown"]
    assert not ControlException.objects.exists()


@pytest.mark.parametrize("mfa", [True, False])
def test_a_first_link_that_arrives_later_settles_the_chain(harbor, mfa):
    first = make.assume_role("admin", key="ASIAFIRSTLINK0000001", mfa=mfa)
    listings()
    make.take_in(make.lines([SECOND_LINK]))
    make.take_in(make.lines([first]))
    assert [row.result for row in of("AssumeRole")] == ["pass" if mfa else "fail"] * 2


def test_an_access_key_that_assumes_a_role_for_a_pipeline_is_no_member(harbor):
    key_only = make.credential_report({"alice": True}).replace(
        b",true,no_information", b",false,no_information"
    )
    key_only = key_only.replace(b",true,false,N/A", b",true,true,N/A")
    make.take_in(make.listing(SIX, {"alice": True}, {"admin": True}))
    make.take_in(key_only, name=make.report_name(SIX))
    make.take_in(make.lines([make.assume_role("admin", key="ASIAPIPELINE00000001")]))
    assert [row.result for row in of("AssumeRole")] == ["none"]


FLOW = "e05199b6-025c-4ffa-9f5c-a94021ad4d4e"
PASSWORD = make.identity_center("CredentialVerification", flow=FLOW, at=NOON, credential="PASSWORD")
CODE = make.identity_center("CredentialVerification", flow=FLOW, at=NOON + SECOND, credential="TOTP")
DONE = make.identity_center("UserAuthentication", flow=FLOW, at=NOON + 2 * SECOND)


@pytest.mark.parametrize("order", list(itertools.permutations([PASSWORD, CODE, DONE])))
def test_an_identity_center_flow_is_judged_by_all_its_events_whenever_they_arrive(harbor, order):
    for record in order:
        make.take_in(make.lines([record]))
    (row,) = of("UserAuthentication")
    assert (row.result, row.reason) == ("unknown", "membership")
    assert set(row.depends) >= {f"proof:identity_center {FLOW}"} or row.depends


def test_one_federated_sign_in_told_by_two_records_is_one_occurrence(harbor):
    make.take_in(LISTING)
    for records in ([CONSOLE], [SAML]):
        make.take_in(make.lines(records))
    assert sorted(r.result for r in Occurrence.objects.filter(rule="R01")) == ["attached", "unknown"]
    assert counted() == {"population": 1, "passed": 0, "failed": 0, "unknown": 1}
    (head,) = [r for r in Occurrence.objects.filter(rule="R01") if r.result != "attached"]
    assert head.action == "AssumeRoleWithSAML"


def saml(at: datetime.datetime, key: str = "ASIASAML000000000001") -> dict:
    identity = {
        "type": "SAMLUser",
        "principalId": "bRjPkV6tQ5mZ1xYc=:erin@harbor.example",
        "userName": "erin@harbor.example",
        "identityProvider": "bRjPkV6tQ5mZ1xYc=",
    }
    made = make.assume_role("okta-admin", by=identity, key=key, session="erin@harbor.example", at=at)
    made["eventName"] = "AssumeRoleWithSAML"
    return made


def console(at: datetime.datetime, since: datetime.datetime) -> dict:
    identity = make.role_identity(
        "okta-admin", "erin@harbor.example", key="ASIASAML000000000001", since=since
    )
    extra = {"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::111122223333:saml-provider/Okta"}
    return make.sign_in(identity, at=at, additionalEventData=extra)


SAML, CONSOLE = saml(NOON), console(NOON + 3 * SECOND, NOON)


def test_within_five_minutes_it_is_one_and_beyond_it_is_two(harbor):
    make.take_in(LISTING)
    late = NOON + 5 * MINUTE
    make.take_in(make.lines([saml(NOON), console(late, late)]))
    assert counted()["population"] == 1
    other = NOON + datetime.timedelta(hours=2)
    make.take_in(
        make.lines(
            [saml(other, "ASIASAML000000000002"), console(other + 5 * MINUTE + SECOND, other + 6 * MINUTE)]
        ),
        at=other + MINUTE * 30,
    )
    assert counted()["population"] == 3


def test_a_sign_in_told_twice_is_one_whichever_record_comes_first_and_stays_one_when_judged_again(harbor):
    for records in ([CONSOLE], [SAML]):
        make.take_in(make.lines(records))
    assert counted()["population"] == 1
    make.take_in(LISTING)
    assert counted() == {"population": 1, "passed": 0, "failed": 0, "unknown": 1}
    make.take_in(make.listing(SIX + datetime.timedelta(hours=1), {}, {"okta-admin": False}))
    assert counted()["population"] == 0
    assert {r.result for r in Occurrence.objects.filter(rule="R01")} == {"none"}
