"""Nothing bad passes in silence: each bad byte is in a rejected record with a reason."""

import base64
import gzip
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.ocsf.event import Event
from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.contract import Note, Rejected, Window
from evidence.sources.registry import FOLDER

EXAMPLES = FOLDER / "aws" / "examples"
AT = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window.around(AT)
LINES = (EXAMPLES / "records.ndjson").read_bytes().splitlines()
RECORD = LINES[0]
DOCUMENT = (EXAMPLES / "log_file.json").read_bytes()


def read(content, **options):
    return list(ADAPTER.read(io.BytesIO(content), window=WINDOW, **options))


def outcome(content, **options):
    """`Event` or the code of the rejection, per raw record."""
    return [
        "event" if isinstance(one, Event) else one.code
        for one in read(content, **options)
        if isinstance(one, Event | Rejected)
    ]


def changed(**fields):
    return json.dumps({**json.loads(RECORD), **fields}).encode()


def without(*names):
    return json.dumps(
        {name: value for name, value in json.loads(RECORD).items() if name not in names}
    ).encode()


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"42", "not_an_object", "The record is a number, not an object with fields."),
        (b'"text"', "not_an_object", "The record is a text, not an object with fields."),
        (b"null", "not_an_object", "The record is the word null, not an object with fields."),
        (b'{"Records":[7]}', "not_an_object", "The record is a number, not an object with fields."),
        (without("eventTime"), "no_time", "The record has no eventTime, so it cannot be placed in a period."),
        (changed(eventTime=None), "no_time", "The record has no eventTime"),
        (changed(eventTime=""), "no_time", "The record has no eventTime"),
        (changed(eventTime="foo"), "no_time", 'The eventTime "foo" is no instant'),
        (changed(eventTime="redacted"), "no_time", 'The eventTime "redacted" is no instant'),
        (changed(eventTime="2017-09-31T22:23:07Z"), "no_time", "is no instant"),
        (changed(eventTime="2026-03-01"), "no_time", "is no instant"),
        (changed(eventTime={"at": 1}), "no_time", "The record has no eventTime"),
        (
            changed(eventTime="1970-01-01T00:00:00Z"),
            "absurd_time",
            "The event time 1970-01-01 lies outside the window",
        ),
        (
            changed(eventTime="2999-01-01T00:00:00Z"),
            "absurd_time",
            "2999-01-01 lies outside the window of 2011-03-02",
        ),
        (without("eventName"), "no_action", "The record has no eventName."),
        (
            b'{"hello":1,"world":2}',
            "not_cloudtrail",
            "This is no CloudTrail record: it has the fields hello, world.",
        ),
        (b"{}", "not_cloudtrail", "This is no CloudTrail record: it is an empty object."),
        (RECORD.replace(b"carol", b"\xff\xfe", 1), "bad_utf8", "The record is not valid UTF-8."),
        (
            changed(a=1).replace(b'"a": 1', b'"a": ' + b"[" * 300 + b"]" * 300),
            "too_deep",
            "nested too deeply",
        ),
        (b"not json at all", "not_json", "This line is not JSON."),
        (RECORD[:60], "cut", "The file ends in the middle of a record."),
        (b"\x00\x01\x02", "not_json", "This line is not JSON."),
        (RECORD.replace(b"carol", b"\\udc00carol"), "bad_text", "half of a Unicode character pair"),
    ],
)
def test_a_bad_record_is_rejected_with_a_reason(content, code, reason):
    found = read(content)
    assert len(found) == 1
    (one,) = found
    assert isinstance(one, Rejected)
    assert one.code == code
    assert reason in one.reason
    assert len(one.excerpt) <= 512


def test_no_time_is_never_now():
    for content in (without("eventTime"), changed(eventTime="now"), changed(eventTime=0)):
        (one,) = read(content)
        assert isinstance(one, Rejected)


@pytest.mark.parametrize(
    ("moment", "believed"),
    [
        (datetime(2011, 3, 2, tzinfo=UTC), True),
        (datetime(2011, 3, 1, 23, 59, 59, tzinfo=UTC), False),
        (AT + timedelta(days=1), True),
        (AT + timedelta(days=1, seconds=1), False),
    ],
)
def test_the_window_holds_from_fifteen_years_back_to_a_day_ahead(moment, believed):
    (one, *_) = read(changed(eventTime=moment.isoformat()))
    assert isinstance(one, Event) is believed


def test_a_window_can_be_set_and_survives_a_leap_day():
    assert Window.around(datetime(2024, 2, 29, tzinfo=UTC)).earliest == datetime(2009, 2, 28, tzinfo=UTC)
    narrow = Window.around(AT, years=1)
    assert isinstance(
        next(ADAPTER.read(io.BytesIO(changed(eventTime="2024-01-01T00:00:00Z")), window=narrow)), Rejected
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "The file is empty."),
        (gzip.compress(b""), "The file is empty."),
        (b'{"Records":[]}', "The document's list of records is empty."),
        (b"[]", "The document's list of records is empty."),
    ],
)
def test_an_empty_file_says_so(content, sentence):
    notes: list[Note] = []
    assert read(content, notes=notes) == []
    assert [note.sentence for note in notes] == [sentence]


def test_a_cut_gzip_gives_what_is_readable_and_one_rejection():
    content = (
        b'{"Records":['
        + b",".join(
            json.dumps(
                {**json.loads(RECORD), "eventID": f"{number:08x}-0000-4000-8000-000000000000"}
            ).encode()
            for number in range(2000)
        )
        + b"]}"
    )
    packed = gzip.compress(content)
    found = outcome(packed[: len(packed) // 2])
    assert found.count("event") > 500
    assert found[-1] == "cut"
    assert found.count("cut") == 1
    assert set(found) == {"event", "cut"}


def test_a_gzip_cut_behind_a_record_is_still_cut():
    packed = gzip.compress(b"\n".join(LINES) + b"\n")
    assert outcome(packed[:-8]) == ["event"] * 8 + ["cut"]


def test_a_damaged_gzip_is_told():
    packed = bytearray(gzip.compress(b"\n".join(LINES) + b"\n"))
    packed[-7] ^= 0xFF
    assert outcome(bytes(packed)) == ["event"] * 8 + ["damaged"]


@pytest.mark.parametrize("cut", range(50, len(DOCUMENT) - 1, 397))
def test_a_document_cut_anywhere_keeps_the_records_before(cut):
    whole = sum(end <= cut for end in ends())
    found = outcome(DOCUMENT[:cut])
    assert found == ["event"] * whole + ["cut"]


def ends():
    at = 0
    found = []
    for line in LINES:
        at = DOCUMENT.index(line, at) + len(line)
        found.append(at)
    return found


@pytest.mark.parametrize(
    "wrapped",
    [
        {"awslogs": {"data": "%%%"}},
        {"awslogs": {"data": base64.b64encode(b"\x1f\x8b\x08garbage").decode()}},
        {"awslogs": {"data": 7}},
        {"Message": "hello", "Type": "Notification"},
        {"Messages": [{"Body": "hello"}]},
        {"Messages": [{}]},
        {"messageType": "DATA_MESSAGE", "logEvents": [{"message": "hello"}]},
        {"messageType": "DATA_MESSAGE", "logEvents": [{"message": ""}]},
        {"messageType": "DATA_MESSAGE", "logEvents": [{}]},
        {"Events": [{"CloudTrailEvent": "{"}]},
        {"QueryResultRows": [[{"cnt": "1"}]]},
        {"QueryResultRows": [[]]},
        {"Records": [[]]},
        {"Records": [{}]},
        {"Records": {}},
        {"detail": 7},
        {"detail": None},
    ],
)
def test_a_wrapping_without_a_record_in_it_is_told(wrapped):
    notes: list[Note] = []
    found = read(json.dumps(wrapped).encode(), notes=notes)
    assert len(found) == 1 or notes
    assert all(isinstance(one, Rejected) for one in found)


def test_a_packed_message_that_is_cut_keeps_what_is_readable():
    packed = gzip.compress(b"\n".join(LINES) + b"\n")[:-8]
    assert outcome(json.dumps({"awslogs": {"data": base64.b64encode(packed).decode()}}).encode()) == [
        *["event"] * 8,
        "cut",
    ]


def test_fields_of_other_types_do_not_cost_the_record():
    odd = changed(
        userIdentity=[1],
        sourceIPAddress=7,
        userAgent={"a": 1},
        errorCode=5,
        readOnly=3,
        resources="x",
        requestParameters="text",
        responseElements=[1],
        eventID=12,
        recipientAccountId=123456789012,
        eventTime=1772355600000,
    )
    (one, *_) = read(odd)
    assert isinstance(one, Event)
    assert one.time == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    assert one.actor_key == ""
    one.full()
    for path in one.reader.quick:
        one.value(path)


def test_depth_hidden_in_text_is_survived():
    for deep in ("[" * 600 + "]" * 600, '{"a":' * 600 + "1" + "}" * 600, "{a=" * 600 + "1" + "}" * 600):
        (one, *_) = read(changed(requestParameters=deep, userIdentity=deep, responseElements=deep))
        assert isinstance(one, Event)
        one.full()


def test_a_nul_never_reaches_a_column():
    content = RECORD.replace(b'"carol"', b'"ca\\u0000rol"').replace(b"AIDAW5QX7EALICE", b"AIDA\\u0000ALICE")
    for one in read(content):
        assert "\x00" not in str(one.actor_key if isinstance(one, Event) else (one.subject, one.value))
        if isinstance(one, Event):
            assert b"\\u0000" in one.raw
            assert one.target_key == "ca\ufffdrol"


NAMES = [
    *("Records", "Events", "logEvents", "messageType", "detail"),
    *("Message", "Messages", "Body", "body", "message"),
    *("event", "Sns", "kinesis", "awslogs", "data"),
    *("records", "QueryResultRows", "eventJson", "CloudTrailEvent", "eventData"),
    *("eventTime", "eventName", "eventID", "eventVersion", "userIdentity"),
    *("s3", "s3Bucket", "UserDetailList", "RoleDetailList", "GroupDetailList"),
    *("Policies", "Content", "ReportFormat", "sessionContext", "attributes"),
    *("type", "principalId", "arn", "responseElements", "credentials"),
    *("additionalEventData", "IsTruncated", "taken_at", "PolicyVersionList"),
]

BYTES = st.binary(min_size=1, max_size=6)


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(sorted(EXAMPLES.iterdir())), st.data())
def test_any_harm_to_any_example_is_survived_and_accounted_for(path, data):
    """Nothing fails; each raw record has one place; each place is an event, a rejection or a listing."""
    harmed = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(harmed)))
        how = data.draw(st.sampled_from(["insert", "delete", "overwrite", "cut"]))
        if how == "insert":
            harmed[at:at] = data.draw(BYTES)
        elif how == "delete":
            del harmed[at : at + data.draw(st.integers(1, 300))]
        elif how == "overwrite":
            harmed[at : at + 3] = data.draw(BYTES)
        else:
            del harmed[at:]
    content = bytes(harmed)
    found = read(content, name=path.name)
    raw = list(ADAPTER.raw_records(io.BytesIO(content)))
    assert {one.seq for one in found} <= set(range(len(raw)))
    placed = [one.seq for one in found if isinstance(one, Event | Rejected)]
    assert len(placed) == len(set(placed))
    listed = {one.seq for one in found if not isinstance(one, Event | Rejected)}
    assert set(placed) | listed == set(range(len(raw)))
    for one in found:
        if isinstance(one, Event):
            assert one.raw == raw[one.seq]
            assert len(one.uid) == 16
            assert len(one.digest) == 8
            one.full()
        elif isinstance(one, Rejected):
            assert one.reason.endswith(".")


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(DOCUMENT) - 1), st.integers(0, 255))
def test_one_wrong_byte_costs_at_most_two_records(at, byte):
    harmed = DOCUMENT[:at] + bytes([byte]) + DOCUMENT[at + 1 :]
    found = outcome(harmed)
    if at > 12:
        assert found.count("event") >= 6, (at, byte, found)
    else:
        assert found


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(NAMES),
                inner,
                max_size=6,
            )
        ),
        max_leaves=25,
    )
)
def test_any_json_with_our_names_is_survived(found):
    content = json.dumps(found).encode()
    for one in read(content, name="x-2026-03-01T0600Z.json"):
        if isinstance(one, Event):
            one.full()
    list(ADAPTER.raw_records(io.BytesIO(content)))
    ADAPTER.recognize(content)
