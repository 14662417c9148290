"""What CloudTrail says of sign-ins: who, with which factor, and what other events prove (rule R01's cases)."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from evidence.ocsf.event import MISSING, Event
from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.aws.proofs import same_sign_in
from evidence.sources.contract import Proof, Window
from evidence.sources.registry import FOLDER

EXAMPLES = FOLDER / "aws" / "examples"
WINDOW = Window.around(datetime(2026, 3, 2, tzinfo=UTC))


class Told:
    """The events and proofs of an example, or of records derived from it."""

    def __init__(self, name="", change=lambda records: records):
        records = [json.loads(line) for line in (EXAMPLES / name).read_text().splitlines()]
        content = "\n".join(json.dumps(record) for record in change(records)).encode()
        outputs = list(ADAPTER.read(io.BytesIO(content), window=WINDOW))
        self.events = [one for one in outputs if isinstance(one, Event)]
        self.proofs = [one for one in outputs if isinstance(one, Proof)]

    def find(self, kind, key):
        return [proof for proof in self.proofs if (proof.kind, proof.key) == (kind, key)]

    def factor(self, event):
        return ADAPTER.session_fact(event, "session.mfa", self.find)

    def kinds(self, event):
        return ADAPTER.session_fact(event, "session.factors", self.find)


@pytest.fixture(scope="module")
def console():
    return Told("console_sign_ins.ndjson")


def test_a_console_sign_in_tells_its_factor(console):
    expected = [
        # status, is_mfa, actor key, kind
        (1, True, "AIDAW5QX7EALICE2KD3P", "human"),
        (1, False, "AIDAW5QX7EBOBB4M6ZQ2", "human"),
        (1, False, "111122223333", "break_glass"),
        (1, True, "111122223333", "break_glass"),
        (2, False, "AIDAW5QX7EALICE2KD3P", "human"),
        (1, MISSING, "dana@harbor.example", "human"),  # federated: a factor of the provider is not seen
        (1, MISSING, "AIDAW5QX7EBOBB4M6ZQ2", "human"),  # no additionalEventData
        (2, False, "HIDDEN_DUE_TO_SECURITY_REASONS", "human"),
    ]
    assert [
        (one.status_id, one.value("is_mfa"), one.actor_key, ADAPTER.implied(one, "actor.kind"))
        for one in console.events
    ] == expected
    assert {(one.class_uid, one.activity_id) for one in console.events} == {(3002, 1)}


def test_root_is_privileged_by_itself(console):
    root = console.events[2]
    assert ADAPTER.implied(root, "actor.privileged") is True
    assert ADAPTER.implied(console.events[0], "actor.privileged") is MISSING


def test_rights_are_looked_up_by_id_and_by_arn(console):
    assert ADAPTER.fact_subjects(console.events[0], "actor.privileged") == (
        "account:AIDAW5QX7EALICE2KD3P",
        "account:arn:aws:iam::111122223333:user/alice",
    )
    federated = ADAPTER.fact_subjects(console.events[5], "actor.privileged")
    assert federated[0] == "account:AROAW5QX7ESSOADMN2LK"
    assert federated[1].endswith(
        "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operations_0a1b2c3d4e5f6a7b"
    )
    assert ADAPTER.fact_subjects(console.events[5], "actor.kind")[0] == "account:dana@harbor.example"


@pytest.mark.parametrize(
    ("answer", "more", "status"),
    [
        ({"ConsoleLogin": "Success"}, {}, 1),
        ({"ConsoleLogin": "Failure"}, {}, 2),
        (None, {"errorMessage": "Failed authentication"}, 2),
        ({"ConsoleLogin": "Success"}, {"errorCode": "AccessDenied"}, 2),
        (None, {}, 0),
        ({}, {}, 0),
    ],
)
def test_a_sign_in_succeeded_as_it_says(answer, more, status):
    told = Told(
        "console_sign_ins.ndjson", lambda records: [{**records[0], "responseElements": answer, **more}]
    )
    assert told.events[0].status_id == status


def test_a_saml_sign_in_is_no_evidence_whatever_type_it_carries():
    told = Told(
        "console_sign_ins.ndjson",
        lambda records: [
            {
                **records[1],
                "additionalEventData": {"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::1:saml-provider/x"},
            }
        ],
    )
    assert told.events[0].value("is_mfa") is MISSING


@pytest.fixture(scope="module")
def chain():
    return Told("role_chain.ndjson")


def test_a_human_who_takes_on_a_role_brings_the_factor_along(chain):
    assert chain.factor(chain.events[0]) is True


def test_a_chain_is_followed_back_to_its_first_link(chain):
    second = chain.events[1]
    assert second.value("is_mfa") is MISSING
    assert chain.factor(second) is True
    assert ADAPTER.proof_keys(second)[0][0] == "credential"
    kind, subjects = ADAPTER.origin(second, chain.find)
    assert kind == ""
    assert subjects[0] == "account:AIDAW5QX7EALICE2KD3P"


def test_a_chain_whose_first_link_is_missing_stays_open(chain):
    assert chain.factor(chain.events[3]) is MISSING
    assert ADAPTER.origin(chain.events[3], chain.find) == ("", ())


def test_a_longer_chain_is_followed_and_a_circle_ends():
    def longer(records):
        key = records[0]["responseElements"]["credentials"]["accessKeyId"]
        made = [records[0]]
        for number in range(4):
            link = json.loads(json.dumps(records[1]))
            link["eventID"] = f"{number:08d}-0000-4000-8000-000000000000"
            link["eventTime"] = f"2026-03-01T10:{10 + number}:00Z"
            link["userIdentity"]["accessKeyId"] = key
            key = link["responseElements"]["credentials"]["accessKeyId"] = f"ASIACHAIN{number}"
            made.append(link)
        return made

    told = Told("role_chain.ndjson", longer)
    assert told.factor(told.events[-1]) is True

    def circle(records):
        one = json.loads(json.dumps(records[1]))
        one["userIdentity"]["accessKeyId"] = one["responseElements"]["credentials"]["accessKeyId"] = (
            "ASIASAME"
        )
        return [one]

    told = Told("role_chain.ndjson", circle)
    assert told.factor(told.events[0]) is MISSING


def test_a_role_switch_tells_the_callers_factor(chain):
    switch = chain.events[2]
    assert (switch.action, switch.class_uid, switch.activity_id, switch.status_id) == (
        "SwitchRole",
        3002,
        7,
        1,
    )
    assert switch.value("is_mfa") is True


def test_a_code_given_with_the_call_is_a_factor(chain):
    assert chain.events[4].value("is_mfa") is True
    assert chain.factor(chain.events[6]) is True


def test_a_long_term_key_alone_proves_nothing(chain):
    assert chain.factor(chain.events[5]) is MISSING
    assert ADAPTER.implied(chain.events[5], "actor.kind") is MISSING


def test_a_users_session_without_a_factor_says_so():
    def without(records):
        one = json.loads(json.dumps(records[0]))
        one["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"] = "false"
        return [one]

    told = Told("role_chain.ndjson", without)
    assert told.factor(told.events[0]) is False


def test_a_failed_call_hands_out_nothing():
    told = Told("role_chain.ndjson", lambda records: [{**records[0], "errorCode": "AccessDenied"}])
    assert told.proofs == []


@pytest.fixture(scope="module")
def center():
    return Told("identity_center.ndjson")


def sign_ins(told):
    return [one for one in told.events if one.action == "UserAuthentication"]


def test_an_identity_center_sign_in_is_proven_by_its_verifications(center):
    first, second, external = sign_ins(center)
    assert center.factor(first) is True
    assert center.factor(second) is False
    assert center.factor(external) is MISSING
    assert {one.actor_key for one in center.events} == {"94482488-3041-7005-8a4c-1c1f5a3be001"}


def retold(types):
    """The first flow, whose sign-in names only a password, with other verified types."""

    def change(records):
        records[4]["additionalEventData"]["CredentialType"] = "PASSWORD"
        flow = records[4]["additionalEventData"]["AuthWorkflowID"]
        kept = [records[4]]
        for number, (kind, outcome) in enumerate(types):
            one = json.loads(json.dumps(records[1]))
            one["eventID"] = f"{number:08d}-0000-4000-8000-000000000000"
            one["additionalEventData"] = {"AuthWorkflowID": flow, "CredentialType": kind}
            one["serviceEventDetails"] = {"CredentialVerification": outcome}
            kept.append(one)
        return kept

    return Told("identity_center.ndjson", change)


@pytest.mark.parametrize(
    ("types", "proven"),
    [
        ([("PASSWORD", "Success"), ("TOTP", "Success")], True),
        ([("PASSWORD", "Success"), ("WEBAUTHN", "Success")], True),
        ([("PASSWORD", "Success"), ("TOTP", "Failure")], False),
        ([("PASSWORD", "Success"), ("EMAIL_OTP", "Success")], False),
        ([("PASSWORD", "Success")], False),
        ([("EXTERNAL_IDP", "Success")], MISSING),
    ],
)
def test_only_a_second_factor_that_was_verified_counts(types, proven):
    told = retold(types)
    assert told.factor(sign_ins(told)[0]) == proven


@pytest.mark.parametrize(
    ("device", "kinds"),
    [
        (None, MISSING),
        ("", MISSING),
        (7, MISSING),
        ("arn:aws:iam::111122223333:u2f/user/alice/default-AAAAAAAABBBBBBBBCCCCCCCCDD", ("webauthn",)),
        ("arn:aws-us-gov:iam::111122223333:mfa/alice", ("otp",)),
        ("arn:aws:iam::111122223333:mfa/root-account-mfa-device", ("otp",)),
        ("GAHT12345678", ("otp",)),
        ("arn:aws:iam::111122223333:sms-mfa/alice", ("sms",)),
        ("arn:aws:iam::111122223333:retina/alice", MISSING),
    ],
)
def test_the_device_of_a_console_sign_in_tells_the_kind_of_factor(device, kinds):
    def change(records):
        one = json.loads(json.dumps(records[0]))
        one["additionalEventData"].pop("MFAIdentifier", None)
        if device is not None:
            one["additionalEventData"]["MFAIdentifier"] = device
        return [one]

    told = Told("console_sign_ins.ndjson", change)
    assert told.factor(told.events[0]) is True
    assert told.kinds(told.events[0]) == kinds


def test_a_sign_in_without_a_factor_has_no_kinds(console):
    assert console.kinds(console.events[1]) == ()
    assert console.kinds(console.events[5]) is MISSING


def test_the_kinds_of_a_chain_and_of_a_flow_are_those_proven(chain):
    assert chain.kinds(chain.events[4]) == ("otp",)
    # `mfaAuthenticated` at the start of the chain does not name the device.
    assert (chain.factor(chain.events[1]), chain.kinds(chain.events[1])) == (True, MISSING)
    told = retold([("PASSWORD", "Success"), ("TOTP", "Success"), ("WEBAUTHN", "Failure")])
    assert told.kinds(sign_ins(told)[0]) == ("otp",)
    told = retold([("PASSWORD", "Success"), ("EMAIL_OTP", "Success")])
    assert told.kinds(sign_ins(told)[0]) == ()


def test_a_proof_written_before_kinds_were_kept_still_tells_of_the_factor(chain):
    old = Told("role_chain.ndjson")
    for proof in old.proofs:
        factors = proof.value.pop("factors", None)
        if proof.kind == "credential":
            proof.value["mfa"] = None if factors is None else bool(factors)
    assert old.factor(old.events[1]) is True
    assert old.kinds(old.events[1]) is MISSING


def test_proofs_come_in_any_order():
    told = retold([("PASSWORD", "Success"), ("TOTP", "Success")])
    told.proofs.reverse()
    assert told.factor(sign_ins(told)[0]) is True


@pytest.fixture(scope="module")
def federated():
    return Told("federated.ndjson")


def test_the_call_and_the_console_sign_in_of_one_session_are_one_occurrence(federated):
    saml, console, pipeline = federated.events
    assert saml.occurrence_key == console.occurrence_key
    assert saml.uid != console.uid
    assert saml.actor_key == console.actor_key == "erin@harbor.example"
    assert pipeline.occurrence_key != saml.occurrence_key


def test_sessions_a_little_apart_are_told_by_their_proofs(federated):
    one, other = (proof for proof in federated.proofs if proof.kind == "role_session" and "erin" in proof.key)
    assert same_sign_in(one, other)

    def at(proof, seconds):
        return Proof(
            proof.kind, proof.key, proof.at + timedelta(seconds=seconds), proof.value, proof.seq, proof.uid
        )

    assert same_sign_in(one, at(other, 290))
    assert not same_sign_in(one, at(other, 301))
    assert not same_sign_in(one, one)


def test_a_pipelines_identity_is_not_called_human(federated):
    assert ADAPTER.implied(federated.events[0], "actor.kind") == "human"
    assert ADAPTER.implied(federated.events[2], "actor.kind") is MISSING


def test_one_event_in_two_accounts_is_one_occurrence():
    def shared(records):
        return [
            {**records[0], "sharedEventID": "0e0e0e0e-1111-4222-8333-444455556666"},
            {
                **records[0],
                "sharedEventID": "0e0e0e0e-1111-4222-8333-444455556666",
                "eventID": "aaaaaaaa-1111-4222-8333-444455556666",
                "recipientAccountId": "444455556666",
            },
        ]

    one, other = Told("role_chain.ndjson", shared).events
    assert one.occurrence_key == other.occurrence_key == "0e0e0e0e111142228333444455556666"
    assert one.uid != other.uid
