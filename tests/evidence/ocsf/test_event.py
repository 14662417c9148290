"""An event tells apart what is missing, what is null, and what is empty."""

import io
import json
from datetime import UTC, datetime

import pytest

from evidence.ocsf.event import MISSING, Event, walk
from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.contract import Window
from evidence.sources.registry import FOLDER

WINDOW = Window.around(datetime(2026, 3, 2, tzinfo=UTC))


def event(**fields):
    record = {
        "eventVersion": "1.11",
        "eventTime": "2026-03-01T09:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "GetUser",
        "eventID": "6a5c0c9e-58d6-4d0f-9b8f-0c7a5f7d1e11",
        **fields,
    }
    (made,) = ADAPTER.normalize(json.dumps(record).encode(), 0, window=WINDOW)
    assert isinstance(made, Event)
    return made


def test_missing_is_falsy_and_says_its_name():
    assert not MISSING
    assert repr(MISSING) == str(MISSING) == "MISSING"


def test_missing_null_and_empty_are_three_states():
    one = event(requestParameters={"null": None, "empty": "", "none": [], "text": "x"})
    assert one.value("unmapped.requestParameters.null") is None
    assert one.value("unmapped.requestParameters.empty") == ""
    assert one.value("unmapped.requestParameters.none") == []
    assert one.value("unmapped.requestParameters.text") == "x"
    assert one.value("unmapped.requestParameters.absent") is MISSING
    assert event(requestParameters=None).value("unmapped.requestParameters") is None
    assert event().value("unmapped.requestParameters") is MISSING


def test_an_address_that_is_a_service_is_null_and_one_not_sent_is_missing():
    assert event(sourceIPAddress="198.51.100.7").value("src_ip") == "198.51.100.7"
    assert event(sourceIPAddress="lambda.amazonaws.com").value("src_ip") is None
    assert event(sourceIPAddress="AWS Internal").value("src_ip") is None
    assert event().value("src_ip") is MISSING


def test_an_event_without_actor_or_target_has_these_columns_missing():
    assert event().actor_key == ""
    assert event().value("actor_key") is MISSING
    assert event().value("target_key") is MISSING


@pytest.mark.parametrize("path", ["resources[].uid", "resources.uid"])
def test_a_path_through_a_list_gives_what_its_elements_hold(path):
    assert event(resources=[{"ARN": "arn:a"}, {"type": "t"}, {"ARN": "arn:b"}]).value(path) == [
        "arn:a",
        "arn:b",
    ]
    assert event(resources=[]).value(path) == []
    assert event(resources=[{"type": "t"}]).value(path) is MISSING


def test_a_key_with_dots_and_a_position_are_found():
    assert walk({"a": {"b.c": 1}}, ["a", "b", "c"]) == 1
    assert walk({"a": [{"b": 1}, {"b": 2}]}, ["a", "1", "b"]) == 2
    assert walk({"a": [1]}, ["a", "4"]) is MISSING


def test_what_is_read_quickly_equals_what_the_document_says():
    """Every path that skips the full decoding agrees with it, for every example record."""
    compared = 0
    for path in sorted((FOLDER / "aws" / "examples").iterdir()):
        for one in ADAPTER.read(io.BytesIO(path.read_bytes()), window=WINDOW, name=path.name):
            if not isinstance(one, Event):
                continue
            document = one.full()
            for quick in one.reader.quick:
                if quick == "src_ip":
                    continue
                assert one.value(quick) == walk(document, quick.split(".")), (path.name, one, quick)
                compared += 1
    assert compared > 1000


def test_the_document_has_ocsf_names_and_keeps_the_rest_verbatim():
    document = event(
        userIdentity={"type": "IAMUser", "principalId": "AIDA1", "arn": "arn:u", "userName": "alice"},
        userAgent="cli",
        awsRegion="us-east-1",
        errorCode="AccessDenied",
        errorMessage="no",
        tlsDetails={"tlsVersion": "TLSv1.3"},
    ).full()
    assert document["class_name"] == "API Activity"
    assert document["type_uid"] == 600302
    assert document["time"] == "2026-03-01T09:00:00Z"
    assert document["metadata"]["version"] == "1.8.0"
    assert document["metadata"]["uid"] == "6a5c0c9e-58d6-4d0f-9b8f-0c7a5f7d1e11"
    assert document["api"]["service"]["name"] == "iam.amazonaws.com"
    assert document["actor"]["user"]["uid"] == "AIDA1"
    assert document["status"] == "Failure"
    assert document["status_code"] == "AccessDenied"
    assert document["status_detail"] == "no"
    assert document["unmapped"]["tlsDetails"] == {"tlsVersion": "TLSv1.3"}
    assert document["unmapped"]["fallback"] is True
    assert "eventName" not in document["unmapped"]


def test_success_is_written_where_aws_sends_no_error_code():
    assert event().value("status_code") == "Success"
    assert event(errorCode="Throttling").value("status_code") == "Throttling"
