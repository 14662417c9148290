"""HTTP push at a real server: what is answered, and that an answer of 2xx means committed bytes."""

import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.test import override_settings
from django.utils import timezone

from evidence.batches.models import Batch
from evidence.batches.recording import record_sealed
from evidence.batches.sealing import seal
from evidence.events.models import Event
from evidence.intake.models import IntakeToken, Receipt, Source
from evidence.intake.sources import connect, issue_token, revoke_token
from tenants.clients.models import Client, Host
from tenants.clients.switch import client as at_client
from tests import make

LIMIT = 64 * 1024
PATH = "/c/harbor/intake/aws"


@dataclass
class Server:
    """A web server of the tests' own, as an installation runs it, and the tokens of two clients."""

    port: int
    tokens: dict[str, str] = field(default_factory=dict)

    def post(
        self, body: bytes, *, token: str = "harbor", path: str = PATH, **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        secret = self.tokens.get(token, token)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body, {"Authorization": f"Bearer {secret}", **named})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content), dict(answer.getheaders())


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(module_database: str) -> Iterator[Server]:
    found = Server(_free_port())
    for slug in ("harbor", "larkfield"):
        with at_client(make.client(slug)):
            found.tokens[slug] = issue_token(
                make.source(connected=timezone.now()), at=timezone.now(), by=None
            )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
        "PROOFLINE_PUSH_LIMIT": str(LIMIT),
    }
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--no-ws"),
            *("--host", "127.0.0.1", "--port", str(found.port), "--workers", "1", "--blocking-threads", "2"),
            *("--log-level", "warning"),
        ],
        cwd=settings.BASE_DIR,
        env=environment,
    )
    try:
        end = time.monotonic() + 60
        while not _answers(found.port):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(autouse=True)
def _clean(server: Server) -> None:
    for slug in server.tokens:
        with at_client(slug):
            Receipt.objects.all().delete()


def receipts(slug: str = "harbor") -> list[Receipt]:
    with at_client(slug):
        return list(Receipt.objects.order_by("pk"))


def recorded() -> tuple[int, int]:
    """Seal and record what was pushed; return events and rejected of the batches."""
    at = timezone.now() + timedelta(seconds=10)
    with at_client("harbor"):
        before = set(Batch.objects.values_list("pk", flat=True))
        seal(Source.objects.get(slug="aws"), at=at, everything=True)
        record_sealed(at=at)
        new = Batch.objects.exclude(pk__in=before)
        return sum(b.events for b in new), sum(b.rejected for b in new)


pytestmark = pytest.mark.slow


FORMS = ("lines", "array", "log_file", "packed")


@pytest.mark.parametrize("form", FORMS)
def test_lines_arrays_and_documents_plain_or_packed_become_events(server: Server, form: str) -> None:
    records = [make.record(n=n, at=make.NOON + timedelta(minutes=FORMS.index(form))) for n in range(3)]
    body, headers = {
        "lines": (make.lines(records), {"Content_Type": "application/x-ndjson"}),
        "array": (json.dumps(records).encode(), {"Content_Type": "application/json"}),
        "log_file": (make.log_file(records, packed=False), {}),
        "packed": (gzip.compress(make.lines(records)), {"Content_Encoding": "gzip"}),
    }[form]
    status, answer, _ = server.post(body, **headers)
    assert status == 202
    (receipt,) = receipts()
    assert (answer["receipt"], answer["sha256"], answer["bytes"]) == (
        receipt.pk,
        receipt.sha256,
        receipt.size,
    )
    assert recorded() == (3, 0)
    with at_client("harbor"):
        assert Event.objects.filter(batch__isnull=False).exists()


def test_a_log_file_as_it_lies_in_the_bucket_needs_no_header(server: Server) -> None:
    content = make.log_file([make.record("GetObject", n=7)])
    assert server.post(content)[0] == 202
    assert receipts()[0].packed_sha256
    assert recorded() == (1, 0)


def test_every_wrong_token_and_every_absent_place_is_answered_alike(server: Server) -> None:
    good = server.tokens["harbor"]
    with at_client("harbor"):
        source = Source.objects.get(slug="aws")
        revoked = issue_token(source, at=timezone.now(), by=None)
        revoke_token(IntakeToken.objects.get(prefix=revoked.split("_")[1]), at=timezone.now())
        ended = issue_token(source, at=timezone.now() - timedelta(days=400), by=None)
    cases = {
        "none": ("", PATH),
        "wrong secret": (good[:-4] + "AAAA", PATH),
        "of another client": (server.tokens["larkfield"], PATH),
        "revoked": (revoked, PATH),
        "ended": (ended, PATH),
        "another source": (good, "/c/harbor/intake/okta"),
        "no such source": (good, "/c/harbor/intake/nothing-of-the-kind"),
        "another client": (good, "/c/larkfield/intake/aws"),
        "no such client": (good, "/c/nobody-here/intake/aws"),
    }
    answers = {name: server.post(b"{}\n", token=token, path=path) for name, (token, path) in cases.items()}
    assert {status for status, _, _ in answers.values()} == {401}
    assert len({json.dumps(body) for _, body, _ in answers.values()}) == 1
    assert {headers["www-authenticate"] for _, _, headers in answers.values()} == {"Bearer"}
    assert receipts() == receipts("larkfield") == []


def test_two_clients_with_identical_bytes_keep_each_their_own(server: Server) -> None:
    body = make.lines([make.record(n=31)])
    assert server.post(body)[0] == 202
    assert server.post(body, token="larkfield", path="/c/larkfield/intake/aws")[0] == 202
    assert [r.sha256 for r in receipts()] == [r.sha256 for r in receipts("larkfield")]


@pytest.mark.parametrize(
    "body", [b"x" * (LIMIT + 1), gzip.compress(b" " * (LIMIT + 1))], ids=["plain", "packed"]
)
def test_a_body_over_the_limit_is_refused_with_the_limit(server: Server, body: bytes) -> None:
    status, answer, headers = server.post(body)
    assert status == 413
    assert answer["limit"] == LIMIT
    assert str(LIMIT) in answer["detail"]
    assert headers["content-type"] == "application/problem+json"
    assert receipts() == []


def test_a_body_of_exactly_the_limit_is_taken(server: Server) -> None:
    assert server.post(b"{}" + b" " * (LIMIT - 2))[0] == 202


def test_an_empty_body_and_another_encoding_are_refused_in_words(server: Server) -> None:
    assert server.post(b"")[:2] == (
        400,
        {"status": 400, "detail": "The body is empty. Send at least one record."},
    )
    status, answer, _ = server.post(b"{}\n", Content_Encoding="br")
    assert status == 415
    assert "gzip" in answer["detail"]
    assert receipts() == []


def test_a_body_that_is_cut_leaves_nothing(server: Server) -> None:
    body = make.lines([make.record(n=n) for n in range(5)])
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.tokens['harbor']}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sending:
        sending.sendall(head + body[: len(body) // 2])
        sending.shutdown(socket.SHUT_WR)
        sending.settimeout(10)
        answer = sending.recv(4096)
    assert not answer.startswith(b"HTTP/1.1 2")
    time.sleep(0.5)
    assert receipts() == []
    assert server.post(body)[0] == 202, "the server goes on"


def test_a_body_in_chunks_is_told_to_state_its_length(server: Server) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.tokens['harbor']}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sending:
        sending.sendall(head)
        answer = sending.recv(4096)
    assert answer.startswith(b"HTTP/1.1 411")
    assert receipts() == []


def test_a_damaged_gzip_is_kept_as_it_came_and_says_so_in_its_rejects(server: Server) -> None:
    whole = gzip.compress(make.lines([make.record(n=n) for n in range(200)]))
    assert server.post(whole[: len(whole) // 2], Content_Encoding="gzip")[0] == 202
    events, rejected = recorded()
    assert events > 0
    assert rejected >= 1


def test_the_same_body_twice_is_two_receipts_and_no_event_twice(server: Server) -> None:
    body = make.lines([make.record("DeleteBucket", n=n) for n in range(4)])
    assert [server.post(body)[0] for _ in range(2)] == [202, 202]
    assert len(receipts()) == 2
    assert recorded()[0] == 4


def test_the_last_use_of_a_token_is_kept(server: Server) -> None:
    server.post(b'{"a": 1}\n')
    with at_client("harbor"):
        prefix = server.tokens["harbor"].split("_")[1]
        assert IntakeToken.objects.get(prefix=prefix).last_used_at is not None


def test_a_clients_own_host_takes_the_same_push(server: Server) -> None:
    with override_settings(PORTAL_HOSTS=["127.0.0.1"]):
        Host.objects.get_or_create(domain="soc.harbor.example", tenant=Client.objects.get(slug="harbor"))
        headers = {"Authorization": f"Bearer {server.tokens['harbor']}"}
        answer = Browser(HTTP_HOST="soc.harbor.example").post(
            "/intake/aws", b'{"a": 1}\n', content_type="application/x-ndjson", headers=headers
        )
    assert answer.status_code == 202
    assert len(receipts()) == 1


def test_a_push_needs_no_session_and_no_csrf_token_and_only_post_is_a_push(server: Server) -> None:
    strict = Browser(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {server.tokens['harbor']}"}
    kept = {"content_type": "application/json", "headers": headers}
    assert strict.post(PATH, b'{"a": 1}\n', **kept).status_code == 202
    assert strict.get(PATH, headers=headers).status_code == 405
    with at_client("harbor"):
        connect("aws", at=timezone.now())
