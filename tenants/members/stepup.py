"""How long ago a person proved who they are in this session, for acts that ask for a fresh proof."""

import time
from typing import Final
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_script_prefix, reverse

from tenants.members.selectors import SECOND_FACTORS
from tenants.sessions.services import bound_with_second_factor

ANY: Final = frozenset({"password", "mfa"})
# What a client's identity provider asked for counts for acts at that client, not for the person's own credentials:
# those open other places, too.
SECOND_FACTOR: Final = frozenset({"mfa", "provider"})


def ask_again(request: HttpRequest, *, has_page: bool = True) -> HttpResponse:
    """Lead to the proof of the second factor, and from there back to this page, or to that which led here.

    Whoever has no factor but that of the client's provider proves it there.

    `has_page` says that the address answers GET, as the form of what was sent to it.
    """
    back = request.get_full_path()
    if not has_page:
        asked = urlsplit(request.headers.get("Referer", ""))
        same = asked.netloc == request.get_host() and asked.path.startswith(get_script_prefix())
        back = f"{asked.path}?{asked.query}".rstrip("?") if same else get_script_prefix()
    if bound_with_second_factor(request) and not is_mfa_enabled(request.user, SECOND_FACTORS):
        return redirect(f"{reverse('provider_sign_in')}?{urlencode({'again': '1', 'next': back})}")
    return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")


def proved_lately(request: HttpRequest, methods: frozenset[str] = ANY) -> bool:
    """Tell whether this session proved one of `methods` within `ACCOUNT_REAUTHENTICATION_TIMEOUT` seconds."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record.get("method") in methods and record.get("at", 0) >= since for record in records)


def proved_second_factor_lately(request: HttpRequest) -> bool:
    """Tell whether this session proved a second factor a short while ago: the policy's `su`."""
    return proved_lately(request, SECOND_FACTOR)
