"""Simulated records have the keys, types and value forms of the committed example files.

The examples were written from AWS's documentation apart from the simulator. Where the examples hold an event
of the same name, its whole shape is compared; elsewhere everything but the parameters and the answer.
"""

import base64
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.config.demo.reading import Record, Written, documents

EXAMPLES = Path(__file__).parents[3] / "evidence" / "sources" / "aws" / "examples"

# Members that AWS documents ("CloudTrail record contents", "userIdentity element") and no example happens to hold.
DOCUMENTED = {
    ("apiVersion",),
    ("sessionCredentialFromConsole",),
    ("userIdentity", "invokedBy"),
    ("userIdentity", "sessionContext"),
    ("userIdentity", "sessionContext", "attributes"),
    ("userIdentity", "sessionContext", "attributes", "creationDate"),
    ("userIdentity", "sessionContext", "attributes", "mfaAuthenticated"),
    ("userIdentity", "sessionContext", "ec2RoleDelivery"),
    ("userIdentity", "sessionContext", "sessionIssuer"),
    ("userIdentity", "sessionContext", "webIdFederationData"),
}
OPEN = {"requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "resources"}

FORMS = {
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "offset time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "spoken time": r"[A-Z][a-z]{2} \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d [AP]M",
    "account": r"\d{12}",
    "arn": r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.*",
    "session of a role": r"AROA[A-Z0-9]{16,17}:.+",
    "id": r"(AIDA|AROA|AGPA|ANPA)[A-Z0-9]{16,17}",
    "key": r"(AKIA|ASIA)[A-Z0-9]{16}",
    "address": r"\d{1,3}(\.\d{1,3}){3}",
    "service": r"[a-z0-9.-]+\.amazonaws\.com",
    "version": r"1\.\d\d",
    "region": r"[a-z]{2}-[a-z]+-\d",
    "yes or no": r"Yes|No",
    "true or false": r"true|false",
}


def form(value: object) -> str:
    """What kind of value it is: its JSON type, and for a text its form."""
    if isinstance(value, str):
        return next((name for name, text in FORMS.items() if re.fullmatch(text, value)), "text")
    return type(value).__name__


def paths(value: object, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every member below a value with its form; elements of a list share one path."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield (*at, name), form(below)
            yield from paths(below, (*at, name))
    elif isinstance(value, list):
        for below in value:
            yield from paths(below, (*at, "[]"))


def held(value: object) -> Iterator[Record]:
    """The CloudTrail records anywhere inside a document."""
    if isinstance(value, dict):
        if {"eventName", "eventType", "userIdentity"} <= value.keys():
            yield value
        else:
            for below in value.values():
                yield from held(below)
    elif isinstance(value, list):
        for below in value:
            yield from held(below)
    elif isinstance(value, str) and value.startswith("{"):
        try:
            yield from held(json.loads(value))
        except ValueError:
            return


class Shapes:
    """The paths and forms of a set of records, by kind of event, kind of identity, and name."""

    def __init__(self, records: list[Record]) -> None:
        self.members: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        self.forms: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self.named: dict[str, dict[tuple[str, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
        for record in records:
            if not isinstance(record["userIdentity"], dict):
                continue  # a row of a query, whose columns are texts
            kind = str(record["userIdentity"].get("type"))
            for path, found in paths(record):
                if path[0] == "userIdentity":
                    self.members[("identity", kind)].add(path)
                elif path[0] not in OPEN or len(path) == 1:
                    self.members[("event", str(record["eventType"]))].add(path)
                if path[0] not in OPEN:
                    self.forms[path].add(found)
                elif len(path) > 1:
                    self.named[record["eventName"]][path].add(found)


@pytest.fixture(scope="module")
def examples() -> Shapes:
    files = [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".json", ".ndjson")]
    return Shapes([record for path in files for document in documents(path) for record in held(document)])


@pytest.fixture(scope="module")
def shapes(harbor: Written, larkfield: Written) -> Shapes:
    """Up to forty records of each event name, identity type and set of members."""
    alike: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for written in (harbor, larkfield):
        for record in written.records.values():
            group = alike[record["eventName"], record["userIdentity"].get("type"), tuple(record)]
            if len(group) < 40:
                group.append(record)
    return Shapes([record for group in alike.values() for record in group])


def test_records_have_no_member_that_aws_does_not_send(examples: Shapes, shapes: Shapes) -> None:
    everywhere = set().union(*(found for kind, found in examples.members.items() if kind[0] == "event"))
    for kind, members in shapes.members.items():
        known = examples.members[kind] if kind[0] == "identity" else everywhere
        assert members - known - DOCUMENTED == set(), kind


def test_records_lack_no_member_that_every_example_has(examples: Shapes, shapes: Shapes) -> None:
    for written in ("AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent"):
        missing = examples.members[("event", written)] - shapes.members[("event", written)]
        assert {path[0] for path in missing} <= {
            "requestID",
            "resources",
            "errorCode",
            "errorMessage",
            "sharedEventID",
        }


def test_values_have_the_forms_of_the_examples(examples: Shapes, shapes: Shapes) -> None:
    for path, found in shapes.forms.items():
        if path in examples.forms:
            known = examples.forms[path]
            assert found <= known or path in LOOSER, (path, found - known)


# Members whose values take more forms than a handful of examples shows.
LOOSER = {
    ("requestID",): "S3 numbers its requests with sixteen letters and digits, other services with a UUID",
}


def test_events_of_one_name_have_the_same_parameters_and_answers(examples: Shapes, shapes: Shapes) -> None:
    shared = set(examples.named) & set(shapes.named)
    assert {"ConsoleLogin", "AssumeRole", "AssumeRoleWithSAML", "SwitchRole", "UserAuthentication"} <= shared
    for name in sorted(shared):
        for path, found in shapes.named[name].items():
            known = examples.named[name]
            if path in known:
                assert found <= known[path], (name, path, found)


def test_listings_have_the_members_of_the_example_listing(written: Written) -> None:
    example = json.loads((EXAMPLES / "iam_authorization_details.json").read_text())
    known = {path for path, _ in paths({key: value for key, value in example.items() if key != "taken_at"})}
    listing = dict(next(iter(written.details.values())))
    assert set(listing.pop("ResponseMetadata")) == {
        "RequestId",
        "HTTPStatusCode",
        "HTTPHeaders",
        "RetryAttempts",
    }
    for path, _ in paths(listing):
        if path[1:2] == ("[]",) and len(path) == 3:
            assert path in known or path[2] in {
                "RoleLastUsed",
                "Tags",
                "UpdateDate",
                "InstanceProfileList",
            }, path


def test_the_credential_report_has_the_columns_of_the_example_report(written: Written) -> None:
    example = next(EXAMPLES.glob("credential_report_*.csv")).read_text().splitlines()[0]
    answer = json.loads((EXAMPLES / "credential_report_answer.json").read_text())
    path = next(path for path in written.paths if "iam" in path.parts)
    found = next(document for document in documents(path) if "Content" in document)
    assert set(found) == set(answer)
    table = base64.b64decode(found["Content"]).decode()
    assert table.splitlines()[0] == example
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(table)))
    assert rows[0]["user"] == "<root_account>"
    for row in rows:
        assert None not in row.values()
        assert {row["password_enabled"], row["mfa_active"]} <= {"true", "false", "not_supported"}
