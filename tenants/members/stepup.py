"""Whether the second factor was proven a short while ago, for acts that ask for it."""

import time
from typing import Final

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

LATELY_SECONDS: Final = 300


def proved_second_factor_lately(request: HttpRequest) -> bool:
    """Tell whether this session proved a second factor within the last five minutes."""
    since = time.time() - LATELY_SECONDS
    return any(
        record.get("method") == "mfa" and record.get("at", 0) >= since
        for record in get_authentication_records(request)
    )
