"""Too many tries: how long to wait, in words and as `Retry-After`."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from allauth.account import app_settings
from allauth.account.internal.stagekit import unstash_login
from allauth.core.internal.ratelimit import Rate, get_cache_key, parse_rates
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

_APP: Final = "allauth.account"


def too_many(request: HttpRequest) -> HttpResponse:
    """Answer that there were too many tries, and when the next one counts."""
    seconds = seconds_left(request)
    wait = timedelta(seconds=max(seconds, 60))  # in whole minutes: nobody waits by the second
    answer = render(request, "429.html", {"wait": wait, "until": timezone.now() + wait}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def seconds_left(request: HttpRequest) -> int:
    """Return after how many seconds each limit that this request has used up leaves room again."""
    now, longest = time.time(), 1.0
    for action, text in app_settings.RATE_LIMITS.items():
        for rate in parse_rates(text):
            for key in _counted(request, rate):
                name = get_cache_key(request, app=_APP, action=action, rate=rate, key=key)
                tries = cache.get(name) or []
                if len(tries) >= rate.amount:
                    longest = max(longest, tries[-1] + rate.duration - now)
    return int(longest + 0.999)


def clear_failures(request: HttpRequest, key: str) -> None:
    """Forget the failed tries of one account; an address's stay, or one success would excuse guesses elsewhere."""
    for rate in parse_rates(app_settings.RATE_LIMITS.get("login_failed")):
        if rate.per == "key":
            cache.delete(get_cache_key(request, app=_APP, action="login_failed", rate=rate, key=key))


def _counted(request: HttpRequest, rate: Rate) -> Iterator[str | None]:
    """Yield the names under which tries of this request count."""
    if rate.per == "ip" or (rate.per == "user" and request.user.is_authenticated):
        yield None
    if rate.per != "key":
        return
    for field in ("login", "email"):
        if mail := request.POST.get(field, "").strip().lower():
            yield mail
    login = unstash_login(request, peek=True)
    person = request.user if request.user.is_authenticated else login and login.user
    if person:
        yield from (person.email.lower(), f"mfa-auth-user-{person.pk}", str(person.pk))
