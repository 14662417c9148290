"""A file of another kind says what it looks like."""

import gzip
import json

import pytest

from evidence.sources.recognition import looks_like
from evidence.sources.registry import FOLDER, recognize

OTHERS = [
    (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    (b"PK\x03\x04\x14\x00", "a ZIP archive"),
    (b"\x28\xb5\x2f\xfd\x04", "a Zstandard archive"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\x00\x01\x02\x03" * 10, "a binary file"),
    (b"", "an empty file"),
    (
        b'{"actor":{"id":"00u1"},"published":"2026-03-01T09:00:00.000Z","eventType":"user.session.start"}',
        "an Okta System Log export",
    ),
    (
        b'{"schemaVersion":"2.0","accountId":"1","type":"Recon:EC2","service":{"detectorId":"d"}}',
        "AWS GuardDuty findings",
    ),
    (b'{"detail-type":"GuardDuty Finding","source":"aws.guardduty","detail":{}}', "AWS GuardDuty findings"),
    (
        b'{"detail-type":"Backup Job State Change","source":"aws.backup","detail":{}}',
        "an EventBridge event of another",
    ),
    (b'{"Findings":[{"ProductArn":"arn","AwsAccountId":"1"}]}', "AWS Security Hub findings"),
    (b'{"configurationItems":[{"configurationItemCaptureTime":"x"}]}', "AWS Config configuration items"),
    (
        b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 22 22 6 2 9 1 2 ACCEPT OK\n",
        "VPC flow logs",
    ),
    (
        b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"x","verb":"get"}',
        "Kubernetes audit events",
    ),
    (b'{"action":"org.add_member","actor":"a","org":"o","_document_id":"x"}', "a GitHub audit log"),
    (b'{"protoPayload":{},"insertId":"x","logName":"projects/p"}', "Google Cloud audit logs"),
    (b"<134>1 2026-03-01T09:00:00Z host app - - - hello\n", "syslog lines (RFC 5424)"),
    (b"Mar  1 09:00:00 host sshd[1]: hello\n", "syslog lines"),
    (b"type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e\n", "Linux audit records"),
    (b'1.2.3.4 - - [01/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 1\n', "web server access logs"),
    (b"<?xml version='1.0'?><a/>", "an XML document"),
    (b"name,role,team\nalice,admin,ops\n", "a table (CSV) of a kind that no source reads"),
    (b"Event name,Event time,User name\n", "CloudTrail's event history as a table"),
    (b'{"hello":{"world":1}}', "JSON of a kind that no source reads (members hello, world)"),
    (b"nothing in particular", "text of a kind that no source reads"),
]


@pytest.mark.parametrize(("head", "looks"), OTHERS, ids=[looks for _, looks in OTHERS])
def test_a_file_of_another_kind_says_what_it_looks_like(head, looks):
    assert looks_like(head).startswith(looks)
    slug, confidence, said = recognize(head, "cloudtrail.json")
    assert slug is None
    assert confidence < 0.5
    assert said.startswith(looks)


def test_a_packed_file_of_another_kind_says_so():
    slug, _, said = recognize(gzip.compress(OTHERS[6][0]))
    assert slug is None
    assert said == "gzip of an Okta System Log export"


@pytest.mark.parametrize("path", sorted((FOLDER / "aws" / "examples").iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["okta.ndjson", "report.pdf", ""])
def test_every_example_is_recognized_under_any_name(path, name):
    slug, confidence, _ = recognize(path.read_bytes()[:262_144], name)
    assert slug == "aws"
    assert confidence >= 0.5


@pytest.mark.parametrize(
    "head",
    [b"\n" * 65536, b"\\" * 65536, b"[" * 65536, b'{"a":"' * 9000, b"a=" * 30000, b" " * 65536, b'"' * 65536],
)
def test_a_head_made_to_be_slow_is_read_like_any_other(head):
    # A quadratic way through one of these takes minutes.
    assert recognize(head)[0] is None


def test_prose_that_quotes_records_is_none():
    record = json.dumps({"eventName": "x", "eventSource": "y", "eventTime": "z", "userIdentity": {}})
    assert recognize(f"A record looks like this: {record}, says the page.".encode())[0] is None


def test_the_start_of_a_long_record_is_enough():
    whole = (FOLDER / "aws" / "examples" / "log_file.json").read_bytes()
    assert recognize(whole[:1500])[0] == "aws"
