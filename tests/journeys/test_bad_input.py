"""What only a real server can show: a large form is answered in words before the connection ends."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.journeys.portal import Portal


def said(portal: Portal, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(portal.url).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_of_ten_megabytes_is_answered_in_words(portal: Portal, kind: str) -> None:
    status, words = said(
        portal, "POST", "/accounts/login/", b"login=" + b"x" * 10_000_000, **{"Content-Type": kind}
    )
    assert status == 413
    assert "larger than any form here" in words


@pytest.mark.parametrize("path", ["/?q=%00", "/c/%00/", "/accounts/login/%00"])
def test_a_nul_byte_is_answered_in_words(portal: Portal, path: str) -> None:
    status, words = said(portal, "GET", path)
    assert status == 400
    assert "This request was not understood" in words


def test_a_host_from_elsewhere_is_not_served(portal: Portal) -> None:
    status, words = said(portal, "GET", "/accounts/login/", Host="evil.example")
    assert (status, words) == (404, "This host is not served here.\n")
