"""CloudTrail comes in many wrappings; what wraps a record is found by content."""

import base64
import gzip
import io
import json
from datetime import UTC, datetime

import pytest

from evidence.ocsf.event import Event
from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.contract import Note, Rejected, Window
from evidence.sources.registry import FOLDER

EXAMPLES = FOLDER / "aws" / "examples"
WINDOW = Window.around(datetime(2026, 3, 2, tzinfo=UTC))
RECORDS = [json.loads(line) for line in (EXAMPLES / "records.ndjson").read_text().splitlines()]


def read(content, **options):
    return list(ADAPTER.read(io.BytesIO(content), window=WINDOW, **options))


def events(content):
    return [one for one in read(content) if isinstance(one, Event)]


def compact(found):
    return json.dumps(found, separators=(",", ":")).encode()


# File: (records, codes of the notes)
COUNTS = {
    "cloudwatch_control.json": (0, ["control_message"]),
    "cloudwatch_lambda.json": (5, []),
    "cloudwatch_logs.json": (5, []),
    "cloudwatch_logs.json.gz": (5, []),
    "console_sign_ins.ndjson": (8, []),
    "digest.json": (0, ["digest"]),
    "eventbridge.json": (1, []),
    "eventbridge.ndjson": (3, []),
    "eventbridge_array.json": (2, []),
    "federated.ndjson": (3, []),
    "iam_changes.ndjson": (8, []),
    "identity_center.ndjson": (10, []),
    "insights.json": (2, []),
    "kinesis.json": (5, []),
    "lake_event_json.json": (3, []),
    "lake_outside_event.json": (1, []),
    "lake_rows.json": (3, []),
    "lake_table.csv": (3, []),
    "log_file.json": (8, []),
    "log_file.json.gz": (8, []),
    "lookup_events.json": (3, []),
    "lookup_events.ndjson": (3, []),
    "record.json": (1, []),
    "records.ndjson": (8, []),
    "records_array.json": (4, []),
    "records_printed.json": (3, []),
    "role_chain.ndjson": (7, []),
    "s3_object_notice.json": (0, ["object_notice"]),
    "sns.json": (1, []),
    "sns_delivery_notice.json": (0, ["object_notice"]),
    "sns_object_notice.json": (0, ["object_notice"]),
    "sns_subscription.json": (0, ["subscription"]),
    "sqs.json": (2, []),
    "sqs_lambda.json": (1, ["object_notice"]),
}
LISTINGS = {
    "iam_authorization_details.json",
    "credential_report_answer.json",
    "credential_report_2026-03-01T0600Z.csv",
}


def test_every_example_has_its_count_here():
    assert {path.name for path in EXAMPLES.iterdir()} == COUNTS.keys() | LISTINGS


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("other", ["", "trail.json.gz", "events.csv", "okta.ndjson"])
def test_each_wrapping_gives_its_records_under_any_name(name, other):
    notes: list[Note] = []
    found = read((EXAMPLES / name).read_bytes(), name=other, notes=notes)
    assert [one for one in found if isinstance(one, Rejected)] == []
    assert sum(isinstance(one, Event) for one in found) == COUNTS[name][0]
    assert [note.code for note in notes] == COUNTS[name][1]


@pytest.mark.parametrize("name", COUNTS)
def test_each_wrapping_also_packed(name):
    content = (EXAMPLES / name).read_bytes()
    assert len(events(gzip.compress(content))) == COUNTS[name][0]


@pytest.mark.parametrize("name", sorted(COUNTS.keys() | LISTINGS))
def test_there_is_one_raw_record_for_each_place(name):
    content = (EXAMPLES / name).read_bytes()
    found = read(content, name=name)
    raw = list(ADAPTER.raw_records(io.BytesIO(content)))
    assert {one.seq for one in found} == set(range(len(raw)))
    for one in found:
        if isinstance(one, Event):
            assert one.raw == raw[one.seq]


@pytest.mark.parametrize("name", COUNTS)
def test_one_raw_record_alone_gives_the_same_event(name):
    content = (EXAMPLES / name).read_bytes()
    for one in events(content):
        again = ADAPTER.normalize(one.raw, one.seq, window=WINDOW)[0]
        assert isinstance(again, Event)
        assert (again.uid, again.time, again.full()) == (one.uid, one.time, one.full())


def test_the_same_records_are_the_same_events_in_every_wrapping():
    whole = {one.uid: one for one in events((EXAMPLES / "records.ndjson").read_bytes())}
    for name in (
        "log_file.json",
        "records_array.json",
        "records_printed.json",
        "cloudwatch_logs.json",
        "eventbridge.ndjson",
        "lookup_events.json",
        "kinesis.json",
        "sqs.json",
        "lake_event_json.json",
    ):
        found = events((EXAMPLES / name).read_bytes())
        assert found
        for one in found:
            other = whole[one.uid]
            assert (one.time, one.action, one.actor_key, one.target_key, one.src_ip) == (
                other.time,
                other.action,
                other.actor_key,
                other.target_key,
                other.src_ip,
            )
            assert ADAPTER.same_content(one.raw, other.raw)


def test_records_of_a_query_are_the_same_events_as_far_as_their_columns_go():
    whole = {one.uid: one for one in events((EXAMPLES / "records.ndjson").read_bytes())}
    for name in ("lake_rows.json", "lake_table.csv"):
        for one in events((EXAMPLES / name).read_bytes()):
            other = whole[one.uid]
            assert (one.time, one.action, one.actor_key, one.src_ip) == (
                other.time,
                other.action,
                other.actor_key,
                other.src_ip,
            )


def test_raw_records_are_exact_bytes():
    printed = (EXAMPLES / "records_printed.json").read_bytes()
    for one in events(printed):
        assert one.raw in printed
    document = (EXAMPLES / "log_file.json").read_bytes()
    assert b'{"Records":[' + b",".join(one.raw for one in events(document)) + b"]}" == document
    message = json.loads((EXAMPLES / "cloudwatch_logs.json").read_bytes())
    assert [one.raw.decode() for one in events(compact(message))] == [
        one["message"] for one in message["logEvents"]
    ]


def sns(inner):
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:a:b:c", "Message": inner}


def test_wrappings_nest():
    bridge = compact(
        {"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": RECORDS[0]}
    ).decode()
    topic = compact(sns(bridge)).decode()
    queue = {"Messages": [{"Body": topic}, {"Body": compact({"Records": RECORDS[:2]}).decode()}]}
    assert len(events(compact(queue))) == 3
    packed = base64.b64encode(gzip.compress(compact(queue))).decode()
    assert len(events(compact({"records": [{"recordId": "1", "data": packed}]}))) == 3
    assert len(events(gzip.compress(compact([queue, [queue], RECORDS[3]])))) == 7


def test_nesting_without_end_stops():
    inner = compact(RECORDS[0]).decode()
    for _ in range(12):
        inner = compact(sns(inner)).decode()
    (one,) = read(inner.encode())
    assert isinstance(one, Rejected)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"event": RECORDS[0], "sourcetype": "aws:cloudtrail"},
        {"message": compact(RECORDS[0]).decode(), "@timestamp": "2026-03-01T08:11:02Z"},
        {"auditEvents": [{"id": "1", "eventData": compact(RECORDS[0]).decode()}]},
        {"eventJson": compact(RECORDS[0]).decode()},
        {"Records": [{"Sns": {"Message": compact(RECORDS[0]).decode()}}]},
        {"Records": [{"body": compact(RECORDS[0]).decode(), "eventSource": "aws:sqs"}]},
        {"QueryResultRows": [{"eventJson": compact(RECORDS[0]).decode()}]},
        {"Event": {}, "Events": [{"CloudTrailEvent": compact(RECORDS[0]).decode()}]},
    ],
)
def test_other_carriers_are_opened(wrapped):
    (one,) = events(compact(wrapped))
    assert one.raw == compact(RECORDS[0])


def test_columns_with_folded_or_flattened_names_are_understood():
    flat = {
        "eventid": "9a5c0c9e-58d6-4d0f-9b8f-0c7a5f7d1e11",
        "eventtime": "2026-03-01 09:00:00.000",
        "eventsource": "signin.amazonaws.com",
        "eventname": "ConsoleLogin",
        "sourceipaddress": "198.51.100.7",
        "useridentity": "{type=IAMUser, principalid=AIDA1, arn=arn:aws:iam::1:user/a, username=a}",
        "responseelements": '{"ConsoleLogin":"Success"}',
        "additionaleventdata": '{"MFAUsed":"Yes"}',
    }
    (one,) = events(compact(flat))
    assert (one.actor_key, one.status_id, one.value("is_mfa"), one.src_ip) == (
        "AIDA1",
        1,
        True,
        "198.51.100.7",
    )
    dotted = {
        "eventTime": "2026-03-01T09:00:00Z",
        "eventName": "GetUser",
        "userIdentity.type": "IAMUser",
        "userIdentity.principalId": "AIDA1",
        "EventSource": "iam.amazonaws.com",
    }
    (one,) = events(compact(dotted))
    assert one.actor_key == "AIDA1"
    table = {
        "TimeGenerated": "2026-03-01T09:00:00Z",
        "EventName": "GetUser",
        "EventSource": "iam.amazonaws.com",
        "UserIdentityPrincipalid": "AIDA1",
        "UserIdentityType": "IAMUser",
        "SourceIpAddress": "198.51.100.7",
        "AwsEventId": "9a5c0c9e-58d6-4d0f-9b8f-0c7a5f7d1e11",
    }
    (one,) = events(compact(table))
    assert (one.actor_key, one.uid.hex()) == ("AIDA1", "9a5c0c9e58d64d0f9b8f0c7a5f7d1e11")


def test_an_event_from_outside_aws_keeps_its_own_fields():
    (one,) = events((EXAMPLES / "lake_outside_event.json").read_bytes())
    assert (one.action, one.actor_key, one.src_ip) == ("RefundIssued", "u-1842", "198.51.100.77")


def test_an_event_of_another_kind_in_a_bridge_is_no_record():
    (one,) = read(
        compact({"detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": {"id": "x"}})
    )
    assert isinstance(one, Rejected)
    assert one.code == "not_cloudtrail"


def test_a_stream_of_several_deliveries_is_read_whole():
    names = (
        "log_file.json",
        "eventbridge.ndjson",
        "cloudwatch_control.json",
        "lookup_events.json",
        "sns.json",
    )
    content = b"\n".join((EXAMPLES / name).read_bytes() for name in names)
    assert len(events(content)) == sum(COUNTS[name][0] for name in names)


def test_text_as_a_windows_shell_redirects_it():
    content = (EXAMPLES / "lookup_events.json").read_text().encode("utf-16")
    assert len(events(content)) == 3


def test_a_table_with_a_row_of_another_width_tells_it():
    lines = (EXAMPLES / "lake_table.csv").read_bytes().splitlines(keepends=True)
    found = read(b"".join([*lines[:2], b'"a","b"\n', *lines[2:]]))
    kinds = [type(one).__name__ for one in found if isinstance(one, Event | Rejected)]
    assert kinds == ["Event", "Rejected", "Event", "Event"]
    assert [one.excerpt for one in found if isinstance(one, Rejected)] == [b'"a","b"']


@pytest.mark.parametrize("cut", [10, 45, 200])
def test_a_table_cut_in_a_row_tells_the_cut(cut):
    content = (EXAMPLES / "lake_table.csv").read_bytes()[:-cut]
    found = [one for one in read(content) if isinstance(one, Event | Rejected)]
    assert [one.code if isinstance(one, Rejected) else "" for one in found] == ["", "", "cut"]
    assert content.endswith(list(ADAPTER.raw_records(io.BytesIO(content)))[-1])
