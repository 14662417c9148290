"""What is malformed is refused in words, never with a server error."""

import datetime
import json

import pytest
from django.test import Client as Browser

from tests import make
from tests.tenants.api.conftest import World

DEEP = b'{"values": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, ""),
        (b"{", 400, "no JSON"),
        (b"[]", 400, ""),
        (b"null", 400, ""),
        (b'"text"', 400, ""),
        (b"\xff\xfe", 400, "UTF-8"),
        (b'{"words": "a\\u0000b"}', 400, "NUL"),
        (b'{"a\\u0000": 1}', 400, "NUL"),
        (b'{"words": "\\ud800"}', 400, "surrogate"),
        (b'{"words": "a", "words": "b"}', 400, "twice"),
        (b'{"words": NaN}', 400, "NaN"),
        (b'{"words": 1e999}', 400, "too large"),
        (b'{"words": ' + b"9" * 5000 + b"}", 400, "digits"),
        (b'{"words": {"a": 1}}', 400, ""),
        (b'{"words": true}', 400, ""),
        (DEEP, 400, "nested"),
        (b'{"words": "' + b"x" * 10_000_000 + b'"}', 413, "bytes"),
        (b'{"words": "' + b"x" * 5000 + b'"}', 400, "4000"),
        (b'{"words": "   "}', 400, "blank"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_taken(world: World, body: bytes, status: int, words: str) -> None:
    api = world.api("CA")
    number = api.get("exceptions/").json()["items"][0]["number"]
    answer = api.post(f"exceptions/{number}/comment/", body)
    assert answer.status_code == status, answer.content
    assert words in answer.json()["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x" * 300, ""],
)
def test_another_content_type_is_named(world: World, kind: str) -> None:
    browser = make.signed_in(world.people["CA"])
    answer = browser.generic("POST", "/c/harbor/api/v1/controls/", b'{"a": 1}', content_type=kind)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "exceptions/EX%00/", "controls/%00/", "sources/aws/?x=%00", "controls/?text=%00", "controls/?a%00=1",
        "events/?action=a%00b", "accounts/?key=%00",
    ],
)  # fmt: skip
def test_a_nul_byte_anywhere_is_refused(world: World, path: str) -> None:
    answer = world.api("CA").get(path)
    assert answer.status_code == 400
    assert "NUL" in answer.json()["detail"]


def test_a_nul_byte_in_a_header_is_refused_as_well(world: World) -> None:
    answer = world.api("CA").get("controls/", If_Match="a\x00b")
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        f"batches/{10**30}/", f"events/{10**30}/{10**30}/", f"events/1/{10**30}/", f"accounts/{10**25}/",
        f"ledger/leaves/{10**30}/", "controls/..%2f..%2fetc/", "controls/é漢/",
        "packages/00000000-0000-0000-0000-000000000000/",
        "exceptions/" + "x" * 3000 + "/", "nothing/", "controls/x/y/z/", "../../",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_in_words(world: World, path: str) -> None:
    answer = world.api("CA").get(path)
    assert answer.status_code in (302, 404), answer.content
    if answer.status_code == 404:
        assert "nothing here for you" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["%ED%A0%80", "%FF%FE", "%", "'; drop table x; --", "%25%5F", "\\"])
def test_odd_words_find_nothing_and_break_nothing(world: World, query: str) -> None:
    assert world.api("CA").get(f"controls/?text={query}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_another_method_lists_those_that_are_taken(world: World, method: str) -> None:
    answer = world.api("CA")(method, "controls/")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, POST"
    assert "Allow" in answer.json()["detail"]


def test_head_answers_like_get_without_a_body(world: World) -> None:
    api = world.api("CA")
    for path in ("controls/?limit=2", "controls/AC-01/", "batches/1/raw/"):
        got, head = api.get(path), api("HEAD", path)
        assert head.status_code == got.status_code == 200
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert head.get("ETag") == got.get("ETag")


def test_foreign_and_absent_answer_alike(world: World) -> None:
    stranger = make.signed_in(make.member("CA", world.larkfield))
    answers = {
        (a.status_code, a.content)
        for a in (stranger.get(f"/c/{slug}/api/v1/controls/") for slug in ("harbor", "nobody-here", "x" * 60))
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404


def test_every_refusal_is_a_problem(world: World) -> None:
    for answer in (
        Browser().get("/c/harbor/api/v1/controls/"),
        Browser().get("/api/v1/clients/"),
        Browser().get("/api/v1/nothing/"),
        world.api("EM").get("controls/"),
        world.api("CA").get("controls/NONE-1/"),
        world.api("CA").post("controls/", {}),
    ):
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = json.loads(answer.content)
        assert {"type", "title", "status", "detail"} <= set(told)
        assert told["status"] == answer.status_code
        assert told["detail"].endswith((".", ")"))


def test_the_portal_lists_ones_clients_and_no_other(world: World) -> None:
    for role, slugs in {"CA": ["harbor"], "CO": ["harbor"], "AU": ["harbor"], "AN": ["harbor"]}.items():
        answer = make.signed_in(world.people[role]).get("/api/v1/clients/")
        assert answer.status_code == 200
        assert [each["slug"] for each in answer.json()["items"]] == slugs
    everyone = make.signed_in(world.people["MA"]).get("/api/v1/clients/").json()["items"]
    assert {each["slug"]: each["entered"] for each in everyone}["harbor"] is True
    assert {each["slug"]: each["entered"] for each in everyone}["larkfield"] is False
    assert make.signed_in(make.person()).get("/api/v1/clients/").status_code == 403


def test_the_portal_lists_no_client_whose_audit_is_over_or_not_begun(world: World) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    day = datetime.timedelta(days=1)
    for access in ((today + day, today + 9 * day), (today - 9 * day, today - day)):
        auditor = make.person("An auditor", second_factor=True)
        make.engagement_of(world.harbor, auditor, access=access)
        assert make.signed_in(auditor).get("/api/v1/clients/").json()["items"] == []
