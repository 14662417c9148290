"""Listings of accounts become snapshots and facts, with the instant at which they were taken or not at all."""

import base64
import copy
import io
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.contract import Fact, Rejected, Snapshot, Window
from evidence.sources.registry import FOLDER

EXAMPLES = FOLDER / "aws" / "examples"
WINDOW = Window.around(datetime(2026, 3, 2, tzinfo=UTC))
SIX = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
DETAILS = json.loads((EXAMPLES / "iam_authorization_details.json").read_text())
REPORT = (EXAMPLES / "credential_report_2026-03-01T0600Z.csv").read_bytes()
A = "111122223333"


def read(content, **options):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return list(ADAPTER.read(io.BytesIO(content), window=WINDOW, **options))


def facts(content, **options):
    """`{subject: {name: value}}` of a listing."""
    told: dict[str, dict[str, object]] = {}
    for one in read(content, **options):
        assert not isinstance(one, Rejected), one
        if isinstance(one, Fact):
            assert one.certain
            told.setdefault(one.subject.removeprefix("account:"), {})[one.name] = one.value
    return told


def without(*names):
    return {name: value for name, value in DETAILS.items() if name not in names}


def test_the_authorization_details_say_who_is_privileged():
    told = facts(DETAILS)
    assert {subject: one["privileged"] for subject, one in told.items()} == {
        "AIDAW5QX7EALICE2KD3P": True,  # by a group
        "AIDAW5QX7EBOBB4M6ZQ2": False,  # may make access keys for himself only
        "AIDAW5QX7ECAROL5TR8W": True,  # may take on a privileged role
        "AROAW5QX7EADMINRL4QT": True,
        "AROAW5QX7ESSOADMN2LK": True,
        "AROAW5QX7EOKTAADM3RV": True,
        "AROAW5QX7EDEPLOYR7HA": False,
        "AROAW5QX7ENIGHTLY2XB": False,
    }
    alice = told["AIDAW5QX7EALICE2KD3P"]
    assert alice == {
        "arn": f"arn:aws:iam::{A}:user/alice",
        "name": "alice",
        "scope": A,
        "type": "user",
        "created_at": "2025-06-02T07:30:00Z",
        "privileged": True,
    }
    assert told["AROAW5QX7EADMINRL4QT"]["last_used_at"] == "2026-02-28T16:20:00Z"


def test_a_roles_kind_is_who_may_take_it_on():
    told = facts(DETAILS)
    assert told["AROAW5QX7EDEPLOYR7HA"]["kind"] == "service"
    assert (told["AROAW5QX7EOKTAADM3RV"]["kind"], told["AROAW5QX7EOKTAADM3RV"]["login"]) == (
        "human",
        "federated_only",
    )
    assert "kind" not in told["AROAW5QX7EADMINRL4QT"]


def test_the_credential_report_says_who_can_sign_in():
    told = facts(REPORT, taken_at=SIX)
    root = told[A]
    assert (root["kind"], root["privileged"], root["mfa_enrolled"], root["enabled"]) == (
        "break_glass",
        True,
        True,
        True,
    )
    alice = told[f"arn:aws:iam::{A}:user/alice"]
    assert (alice["kind"], alice["mfa_enrolled"], alice["enabled"], alice["login"]) == (
        "human",
        True,
        True,
        "local",
    )
    assert alice["last_used_at"] == "2026-02-28T08:00:00Z"
    bob = told[f"arn:aws:iam::{A}:user/ops/bob"]
    assert (bob["kind"], bob["mfa_enrolled"]) == ("human", False)
    assert "last_used_at" not in bob
    carol = told[f"arn:aws:iam::{A}:user/carol"]
    assert (carol["kind"], carol["enabled"]) == ("service", True)
    assert "login" not in carol


def test_both_listings_are_joined_by_the_arn():
    ids = {one["arn"] for one in facts(DETAILS).values()}
    assert {subject for subject in facts(REPORT, taken_at=SIX) if subject != A} <= ids


def test_a_snapshot_names_its_kind_instant_and_account():
    (grants,) = [one for one in read(DETAILS) if isinstance(one, Snapshot)]
    assert (grants.kind, grants.at, grants.subjects, grants.scope) == ("grants", SIX, 8, A)
    (accounts,) = [one for one in read(REPORT, taken_at=SIX) if isinstance(one, Snapshot)]
    assert (accounts.kind, accounts.at, accounts.subjects, accounts.scope) == ("accounts", SIX, 4, A)


@pytest.mark.parametrize(
    ("content", "options", "at"),
    [
        (DETAILS, {}, SIX),
        (without("taken_at"), {"taken_at": SIX}, SIX),
        (without("taken_at"), {"name": "iam-2026-03-01T0600Z.json"}, SIX),
        (without("taken_at"), {"name": "iam_20260301T060000Z.json"}, SIX),
        (
            {
                **without("taken_at"),
                "ResponseMetadata": {"HTTPHeaders": {"date": "Sun, 01 Mar 2026 06:00:00 GMT"}},
            },
            {},
            SIX,
        ),
        # what the listing says itself comes first
        (DETAILS, {"taken_at": datetime(2026, 2, 1, tzinfo=UTC), "name": "iam-2026-01-01T0000Z.json"}, SIX),
        (REPORT, {"name": "report-2026-03-01T06:00:00Z.csv"}, SIX),
    ],
)
def test_the_instant_is_found_where_it_is_documented_to_be(content, options, at):
    (snapshot,) = [one for one in read(content, **options) if isinstance(one, Snapshot)]
    assert snapshot.at == at


@pytest.mark.parametrize("content", [without("taken_at"), REPORT])
@pytest.mark.parametrize("name", ["", "iam.json", "iam-2026-03-01.json", "iam-2026-13-01T0600Z.json"])
def test_a_listing_without_an_instant_is_refused_with_what_to_do(content, name):
    (one,) = read(content, name=name)
    assert isinstance(one, Rejected)
    assert one.code == "no_time"
    assert "Add a member taken_at to it, or put the time into the file's name" in one.reason


@pytest.mark.parametrize("year", [1999, 2030])
def test_an_absurd_instant_is_refused(year):
    (one,) = read({**DETAILS, "taken_at": f"{year}-01-01T00:00:00Z"})
    assert isinstance(one, Rejected)
    assert one.code == "absurd_time"


def test_the_answer_of_the_report_call_carries_its_instant():
    answer = json.loads((EXAMPLES / "credential_report_answer.json").read_text())
    assert facts(answer) == facts(REPORT, taken_at=SIX)
    (one,) = read({**answer, "Content": "%%"})
    assert isinstance(one, Rejected)
    assert one.code == "bad_base64"


def pages():
    """The listing cut into pages: users, then roles, then groups and policies."""
    cut = [
        {"UserDetailList": DETAILS["UserDetailList"], "taken_at": DETAILS["taken_at"]},
        {"RoleDetailList": DETAILS["RoleDetailList"]},
        {"GroupDetailList": DETAILS["GroupDetailList"], "Policies": DETAILS["Policies"]},
    ]
    return [{**page, "IsTruncated": number < 2, "Marker": "m"} for number, page in enumerate(cut)]


@pytest.mark.parametrize("indent", [None, 2])
def test_pages_one_after_another_are_one_listing(indent):
    content = "\n".join(json.dumps(page, indent=indent) for page in pages()).encode()
    assert facts(content) == facts(DETAILS)
    assert [one.kind for one in read(content) if isinstance(one, Snapshot)] == ["grants"]
    assert {one.seq for one in read(content)} == {0, 1, 2}


def test_an_array_of_pages_is_one_listing():
    assert facts(json.dumps(pages()).encode()) == facts(DETAILS)


def test_a_listing_without_its_last_page_is_refused_whole():
    content = "\n".join(json.dumps(page) for page in pages()[:2]).encode()
    found = read(content)
    assert [one.code for one in found] == ["incomplete_listing", "incomplete_listing"]


def test_two_listings_of_two_accounts_stay_apart():
    text = json.dumps(DETAILS)
    other = text.replace(A, "444455556666").replace("W5QX7E", "ZZZZZZ")
    found = read((text + "\n" + other).encode())
    assert [(one.scope, one.subjects) for one in found if isinstance(one, Snapshot)] == [
        (A, 8),
        ("444455556666", 8),
    ]


def test_documents_may_be_text_or_url_encoded():
    for encode in (json.dumps, lambda held: quote(json.dumps(held))):
        changed = copy.deepcopy(DETAILS)
        for user in changed["UserDetailList"]:
            for policy in user.get("UserPolicyList", []):
                policy["PolicyDocument"] = encode(policy["PolicyDocument"])
        for role in changed["RoleDetailList"]:
            role["AssumeRolePolicyDocument"] = encode(role["AssumeRolePolicyDocument"])
            for policy in role["RolePolicyList"]:
                policy["PolicyDocument"] = encode(policy["PolicyDocument"])
        for policy in changed["Policies"]:
            policy["PolicyVersionList"][0]["Document"] = encode(policy["PolicyVersionList"][0]["Document"])
        assert facts(changed) == facts(DETAILS)


def test_a_policy_whose_text_is_missing_leaves_it_open_never_false():
    changed = without("Policies")
    told = facts(changed)
    assert "privileged" not in told["AIDAW5QX7EBOBB4M6ZQ2"]  # ReadOnlyAccess is not known by name
    assert "privileged" not in told["AROAW5QX7ENIGHTLY2XB"]
    assert told["AIDAW5QX7EALICE2KD3P"]["privileged"] is True  # AdministratorAccess is
    assert told["AROAW5QX7EDEPLOYR7HA"]["privileged"] is False  # inline only


def with_boundary(arn):
    changed = copy.deepcopy(DETAILS)
    for role in changed["RoleDetailList"]:
        if role["RoleName"] == "okta-admin":
            role["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    return facts(changed)["AROAW5QX7EOKTAADM3RV"]


def test_a_boundary_takes_rights_away_and_an_unknown_one_leaves_it_open():
    assert with_boundary(f"arn:aws:iam::{A}:policy/export")["privileged"] is False
    assert with_boundary("arn:aws:iam::aws:policy/AdministratorAccess")["privileged"] is True
    assert "privileged" not in with_boundary(f"arn:aws:iam::{A}:policy/unknown")


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda table: table[:-40], "cut"),
        (lambda table: table.splitlines(keepends=True)[0], "no_accounts"),
        (lambda table: table.replace(b"alice", b"\xff\xfe"), "not_csv"),
    ],
)
def test_a_damaged_report_is_refused(harm, code):
    (one,) = read(harm(REPORT), taken_at=SIX)
    assert isinstance(one, Rejected)
    assert one.code == code


def test_a_report_packed_or_with_a_mark_is_read():
    assert facts(b"\xef\xbb\xbf" + REPORT, taken_at=SIX) == facts(REPORT, taken_at=SIX)
    assert facts(REPORT.replace(b"\n", b"\r\n"), taken_at=SIX) == facts(REPORT, taken_at=SIX)


def test_a_listing_alone_is_normalized_again_by_itself():
    raw = json.dumps(DETAILS).encode()
    assert ADAPTER.normalize(raw, 0, window=WINDOW) == read(raw)
    assert ADAPTER.normalize(REPORT, 0, window=WINDOW, taken_at=SIX) == read(REPORT, taken_at=SIX)


def test_the_content_of_an_answer_is_base64_of_the_table():
    answer = json.loads((EXAMPLES / "credential_report_answer.json").read_text())
    assert base64.b64decode(answer["Content"]) == REPORT


def changes():
    found = list(ADAPTER.read(io.BytesIO((EXAMPLES / "iam_changes.ndjson").read_bytes()), window=WINDOW))
    return [(one.seq, one.name, one.value, one.certain) for one in found if isinstance(one, Fact)]


def test_changes_tell_what_they_settle_and_mark_what_they_do_not():
    assert changes() == [
        (0, "kind", "human", True),
        (0, "login", "local", True),
        (0, "enabled", True, True),
        (1, "mfa_enrolled", True, True),
        (2, "privileged", True, False),
        (3, "privileged", False, False),
        (4, "privileged", True, False),
        (6, "mfa_enrolled", False, False),
        (7, "enabled", False, True),
    ]


def test_a_created_user_is_known_by_id_and_arn():
    content = (EXAMPLES / "records.ndjson").read_bytes().splitlines()[0]
    told = facts(content)
    assert told["AIDAW5QX7ECAROL5TR8W"] == {
        "arn": f"arn:aws:iam::{A}:user/carol",
        "name": "carol",
        "scope": A,
        "type": "user",
        "created_at": "2026-03-01T08:11:02Z",
        "mfa_enrolled": False,
    }


def test_a_failed_change_changes_nothing():
    record = json.loads((EXAMPLES / "iam_changes.ndjson").read_text().splitlines()[0])
    assert facts({**record, "errorCode": "AccessDenied"}) == {}
