"""What no page sends is refused at the edge, in words, wherever it comes in."""

import logging

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.test import override_settings
from django.urls import include, path

from tenants.clients.models import Client
from tenants.edge.logs import OneLine
from tests import make

pytestmark = pytest.mark.django_db


urlpatterns = [
    path("", include("tenants.members.urls")),
    path("", include("tenants.sessions.urls")),
    path("", include("evidence.urls")),
    path("", include("controls.home.urls")),
    path("", include("controls.urls")),
]


@pytest.fixture(autouse=True)
def with_an_operation():
    cache.clear()
    with override_settings(CLIENT_URLCONF=__name__):
        yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor")


@pytest.fixture
def browser(harbor: Client) -> Browser:
    return make.signed_in(make.member("CA", harbor))


PLACES = [
    "/",
    "/c/harbor/",
    "/c/harbor/controls/",
    "/accounts/login/",
    "/c/harbor/events/",
    "/c/nowhere/",
    "/nothing/",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("who", ["somebody", "nobody"])
def test_a_nul_byte_is_refused_in_every_place(browser: Browser, place: str, who: str) -> None:
    if who == "nobody":
        browser = Browser()
    asked = [
        browser.get(f"{place}?q=a%00b"),
        browser.get(f"{place}?a%00b=q"),
        browser.get(f"{place}?next=%2f%00"),
        browser.get(f"{place}a%00b/"),
        browser.get(place, headers={"User-Agent": "a\x00b"}),
        browser.get(place, headers={"Referer": "http://testserver/\x00"}),
        browser.post(f"{place}?q=%00"),
    ]
    for answer in asked:
        assert answer.status_code == 400
        assert "This request was not understood" in answer.content.decode()


def test_a_nul_byte_in_a_slug_or_a_cookie_is_refused(browser: Browser) -> None:
    assert browser.get("/c/har%00bor/").status_code == 400
    for cookie in ("sessionid", "csrftoken", "theme", "messages"):
        browser.cookies[cookie] = "a\x00b"
        assert browser.get("/c/harbor/").status_code == 400, cookie
        del browser.cookies[cookie]


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
@pytest.mark.parametrize(
    "field", [{"login": "a\x00@b.c"}, {"password": "\x00"}, {"next": "/\x00"}, {"a\x00": "x"}]
)
def test_a_nul_byte_in_a_form_is_refused(field: dict[str, str], kind: str) -> None:
    form = {"login": "a@example.org", "password": "x"} | field
    if kind == "multipart":
        answer = Browser().post("/accounts/login/", form)
    else:
        from urllib.parse import urlencode

        answer = Browser().post(
            "/accounts/login/", urlencode(form), content_type="application/x-www-form-urlencoded"
        )
    assert answer.status_code == 400
    assert "not understood" in answer.content.decode()


def test_a_nul_byte_in_the_name_of_a_file_is_refused_and_one_in_the_file_is_evidence(
    browser: Browser,
) -> None:
    from tenants.clients.switch import client as at_client
    from tests.make import record

    with at_client("harbor"):
        make.source()
    content = make.log_file([record()])
    assert b"\x00" in content
    address = "/c/harbor/sources/aws/upload/"
    page = browser.get(address)
    field = page.content.decode().split('type="file" name="')[1].split('"')[0]
    kept = browser.post(address, {field: SimpleUploadedFile("trail.json.gz", content)})
    assert kept.status_code == 302, kept.content
    body = (
        b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a\x00.json"\r\n\r\n{}\r\n--x--\r\n'
        % field.encode()
    )
    answer = browser.post(address, body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (400, 422)


TEN_MB = 10 * 1024 * 1024


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
@pytest.mark.parametrize(
    "place", ["/accounts/login/", "/c/harbor/accounts/login/", "/c/harbor/sources/connect/"]
)
def test_a_form_of_ten_megabytes_is_refused_in_words(browser: Browser, place: str, kind: str) -> None:
    form = {"login": "x" * TEN_MB, "password": "x"}
    if kind == "multipart":
        answer = browser.post(place, form)
    else:
        answer = browser.post(
            place, "login=" + form["login"], content_type="application/x-www-form-urlencoded"
        )
    assert answer.status_code == 413
    assert "larger than any form here" in answer.content.decode()


def test_a_field_of_ten_megabytes_among_files_is_refused_too(
    browser: Browser, settings: pytest.FixtureRequest
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
    answer = browser.post("/c/harbor/sources/aws/upload/", {"words": "x" * TEN_MB})
    assert answer.status_code == 413


def test_a_host_from_elsewhere_is_not_served(harbor: Client) -> None:
    for host in (
        "evil.example",
        "testserver.evil.example",
        "127.0.0.1.evil.example",
        "",
        "a b",
        "testserver@evil",
    ):
        answer = Browser(HTTP_HOST=host).get("/accounts/login/")
        assert answer.status_code == 404, host
    page = Browser(HTTP_X_FORWARDED_HOST="evil.example").get("/accounts/login/")
    assert "evil.example" not in page.content.decode()


@pytest.mark.parametrize(
    "where", ["/accounts/login/?next={}", "/accounts/logout/?next={}", "/accounts/reauthenticate/?next={}"]
)
@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example",
        "//evil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "/\\evil.example",
        "%0d%0aX:y",
        "https:evil",
    ],
)
def test_an_address_to_go_on_to_leads_nowhere_else(browser: Browser, where: str, evil: str) -> None:
    for answer in (
        browser.get(where.format(evil)),
        browser.post(where.format(evil), {"password": make.PASSWORD, "login": "a@example.org"}),
    ):
        assert "evil.example" not in answer.get("Location", "")
        assert "\n" not in answer.get("Location", "")
        assert "Set-Cookie:" not in answer.get("Location", "").replace("%3A", ":").split("%0D")[0]


def test_nobody_writes_lines_of_their_own_into_the_log() -> None:
    record = logging.LogRecord(
        "x", logging.WARNING, "x", 1, "asked for %s", ("a\r\nERROR forged\x1b[2J\u2028",), None
    )
    assert OneLine().format(record) == "asked for a\\x0d\\x0aERROR forged\\x1b[2J\\x2028"
    try:
        raise ValueError("fault")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    assert "\nValueError: fault" in OneLine().format(record)
