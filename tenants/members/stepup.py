"""How long ago a person proved who they are in this session, for acts that ask for a fresh proof."""

import time
from typing import Final

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

ANY: Final = frozenset({"password", "mfa"})
SECOND_FACTOR: Final = frozenset({"mfa"})


def proved_lately(request: HttpRequest, methods: frozenset[str] = ANY) -> bool:
    """Tell whether this session proved one of `methods` within `ACCOUNT_REAUTHENTICATION_TIMEOUT` seconds."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record.get("method") in methods and record.get("at", 0) >= since for record in records)


def proved_second_factor_lately(request: HttpRequest) -> bool:
    """Tell whether this session proved a second factor a short while ago: the policy's `su`."""
    return proved_lately(request, SECOND_FACTOR)
