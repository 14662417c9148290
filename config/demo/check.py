"""`demo --check`: the running portal seen as each role, and both packages built and verified by a stranger's means."""

import http.cookiejar
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.urls import Resolver404, get_resolver, reverse
from django.utils import timezone

from config.demo.logins import password_of, totp_code
from config.demo.months import story_months
from config.demo.people import PORTAL_LOGINS, PortalLogin
from config.devstack.installation import Installation
from reports.packages.build import Asked, built
from tenants.access.declare import declaration_of
from tenants.access.policy import may_some
from tenants.clients.models import Client
from tenants.clients.period import Period
from tenants.clients.switch import client
from tenants.members.models import MFA_ROLES, User

PAGES = ("home", "controls", "exceptions", "sources", "packages")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class _Failed(Exception):
    """Something is not as it must be; the message says what."""


def check(url: str, installation: Installation) -> int:
    """Print what was checked and return 0, or 1 when something was not as it must be."""
    failures = 0
    for title, found in [*_pages(url, installation), *_packages()]:
        failures += bool(found)
        print(f"{'differs' if found else 'holds  '}  {title}{': ' + found if found else ''}", flush=True)
    print(f"{failures} of the checks above do not hold." if failures else "Everything above holds.")
    return 1 if failures else 0


def _pages(url: str, installation: Installation) -> Iterator[tuple[str, str]]:
    for login in PORTAL_LOGINS:
        title = f"{login.full_name} ({login.role}): "
        try:
            browser = _signed_in(url, installation, login)
        except _Failed as failed:
            yield title + "signs in", str(failed)
            continue
        yield title + "signs in", ""
        yield title + "start page", _answers(browser, url + "/", {200})
        for slug in login.clients:
            yield (
                title + f"pages of {slug}",
                "; ".join(filter(None, _client_pages(browser, url, login, slug))),
            )
        for slug in {"harbor", "larkfield"} - set(login.clients):
            foreign = f"{url}/c/{slug}/"
            yield title + f"sees nothing of {slug}", _answers(browser, foreign, {404})


def _client_pages(
    browser: urllib.request.OpenerDirector, url: str, login: PortalLogin, slug: str
) -> Iterator[str]:
    """What the policy lets this person read answers 200; what it does not, 403 or 404."""
    user, found = User.objects.get(email=login.email), Client.objects.get(slug=slug)
    for name in PAGES:
        path = reverse(name, urlconf=settings.CLIENT_URLCONF)
        declared = declaration_of(get_resolver(settings.CLIENT_URLCONF).resolve(path).func)
        if declared is None:
            raise Resolver404(f"{path} declares no action")
        may = declared.kind == "session" or all(
            may_some(user, action, found) for action in declared.names[:1]
        )
        yield _answers(browser, f"{url}/c/{slug}{path}", {200} if may else {403, 404})


def _signed_in(url: str, installation: Installation, login: PortalLogin) -> urllib.request.OpenerDirector:
    """Sign in through the pages themselves, with the second factor where the role needs one."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    where = url + reverse("account_login")
    answer = _post(browser, where, {"login": login.email, "password": password_of(installation, login)})
    if login.role in MFA_ROLES:
        user = User.objects.get(email=login.email)
        answer = _post(browser, answer, {"code": totp_code(user, at=timezone.now())})
    if "/accounts/" in answer:
        raise _Failed(f"landed at {answer.removeprefix(url)}")
    return browser


def _post(browser: urllib.request.OpenerDirector, where: str, fields: dict[str, str]) -> str:
    """Send the form of a page and return the address one lands at."""
    with browser.open(where, timeout=30) as page:
        token = TOKEN.search(page.read().decode())
    if token is None:
        raise _Failed(f"{where} has no form")
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
    request = urllib.request.Request(where, body, {"Referer": where})
    try:
        with browser.open(request, timeout=30) as answer:
            return str(answer.url)
    except urllib.error.HTTPError as error:
        raise _Failed(f"{where} answered {error.code}") from error


def _answers(browser: urllib.request.OpenerDirector, where: str, expected: set[int]) -> str:
    try:
        with browser.open(where, timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    wanted = " or ".join(map(str, sorted(expected)))
    return "" if status in expected else f"{where} answered {status} instead of {wanted}"


def _packages() -> Iterator[tuple[str, str]]:
    months = story_months(timezone.now().date())
    with client("harbor") as harbor:
        period = Period(months[0].first, months[11].last, harbor.tzinfo)
        yield "Harbor's Type II verifies in an empty folder", _verified(Asked.type_2(period))
    with client("larkfield"):
        yield "Larkfield's Type I verifies in an empty folder", _verified(Asked.type_1(months[5].last))


def _verified(asked: Asked) -> str:
    """Build a draft, and let the stand-alone verifier judge it with nothing of ours importable."""
    with tempfile.TemporaryDirectory() as folder, built(asked, at=timezone.now()) as package:
        path = Path(folder) / f"{package.bundle.name}.zip"
        with path.open("wb") as out:
            package.bundle.write_zip(out)
        verifier = Path(folder) / "verify.py"
        verifier.write_bytes((settings.BASE_DIR / "reports" / "packages" / "verify.py").read_bytes())
        run = subprocess.run(
            [sys.executable, "-I", str(verifier), str(path)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    return "" if run.returncode == 0 else run.stdout.strip().splitlines()[-1]
