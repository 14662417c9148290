"""How CloudTrail records are delivered: log files in a bucket, log subscriptions, answers of a look-up.

Formats: AWS CloudTrail User Guide ("CloudTrail log file examples", "Finding your CloudTrail log files"),
Amazon CloudWatch Logs User Guide ("Subscription filters"), AWS CLI Command Reference ("lookup-events").
"""

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from config.demo.aws import Account, Ids, Record, dumped


def packed(body: bytes) -> bytes:
    """Return the body as gzip with no time and no name in it: the same body gives the same bytes."""
    squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    tail = struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    return head + squeezer.compress(body) + squeezer.flush() + tail


def log_file(texts: Iterable[str]) -> bytes:
    """Return a CloudTrail log file (not packed) around records given as JSON texts."""
    return ('{"Records":[' + ",".join(texts) + "]}").encode()


def log_file_key(account: Account, region: str, at: datetime, ids: Ids) -> str:
    """Return the S3 key that CloudTrail gives a log file delivered at `at`."""
    minute = f"{at.year:04}{at.month:02}{at.day:02}T{at.hour:02}{at.minute:02}Z"
    name = f"{account.id}_CloudTrail_{region}_{minute}_{ids.mixed(16)}.json.gz"
    return f"AWSLogs/{account.id}/CloudTrail/{region}/{at.year:04}/{at.month:02}/{at.day:02}/{name}"


def subscription_message(
    account: Account, region: str, events: Sequence[tuple[datetime, str]], first_id: int
) -> str:
    """Return one CloudWatch Logs subscription message as a line; its events carry records as strings."""
    lines = [
        {"id": f"{first_id + place:056d}", "timestamp": int(at.timestamp()) * 1000, "message": text}
        for place, (at, text) in enumerate(events)
    ]
    return dumped(
        {
            "messageType": "DATA_MESSAGE",
            "owner": account.id,
            "logGroup": "aws-cloudtrail-logs",
            "logStream": f"{account.id}_CloudTrail_{region}",
            "subscriptionFilters": ["evidence"],
            "logEvents": lines,
        }
    )


def lookup_answer(records: Sequence[tuple[Record, str]]) -> bytes:
    """Return the answer of `aws cloudtrail lookup-events`: newest first, records as strings in events."""
    events = []
    for record, text in reversed(records):
        identity = record["userIdentity"]
        event: Record = {"EventId": record["eventID"], "EventName": record["eventName"]}
        event["ReadOnly"] = "true" if record["readOnly"] else "false"
        if identity.get("accessKeyId"):
            event["AccessKeyId"] = identity["accessKeyId"]
        event["EventTime"] = record["eventTime"].replace("Z", "+00:00")
        event["EventSource"] = record["eventSource"]
        session = identity.get("principalId", "").partition(":")[2]
        name = identity.get("userName") or session or ("root" if identity.get("type") == "Root" else "")
        if name:
            event["Username"] = name
        event["Resources"] = [
            {"ResourceType": resource["type"], "ResourceName": resource["ARN"]}
            for resource in record.get("resources", [])
        ]
        event["CloudTrailEvent"] = text
        events.append(event)
    return json.dumps({"Events": events}, indent=4).encode()
