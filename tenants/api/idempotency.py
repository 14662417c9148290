"""A write that is sent twice under one key has one effect and gets one answer."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from tenants.api.problems import Problem
from tenants.apitokens.models import IdempotencyKey
from tenants.secrets.signing import box

KEPT: Final = timedelta(days=1)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,100}")
_HEADERS: Final = ("ETag", "Location")


def once(
    request: HttpRequest, key: str, act: Callable[[], Response], *, at: datetime
) -> tuple[HttpResponseBase, bool]:
    """Do a write unless it was done under this key; return its answer, and whether it was done before.

    Runs inside the transaction of the write: key, effect and answer are kept together or not at all. A second
    request with the key waits at the table's unique index until the first has ended. What was refused left no
    effect, and its key is free again.
    """
    if not _KEY.fullmatch(key):
        raise Problem(400, "An Idempotency-Key has 1 to 100 printable ASCII characters without spaces.")
    said = f"{request.method} {request.get_full_path()} {request.headers.get('If-Match', '')}\n".encode()
    digest = hashlib.sha256(said + request.body).hexdigest()
    assert request.client is not None
    place: dict[str, Any] = {"client_id": request.client.pk, "user_id": request.user.pk, "key": key}
    if not _taken(place, digest, at):
        return _again(IdempotencyKey.objects.get(**place), digest), True
    answer = act()
    headers = {name: answer[name] for name in _HEADERS if name in answer}
    # It says what the client's records say, and lies in `public` for a day.
    text = box().encrypt(JSONRenderer().render(answer.data)).decode("ascii")
    IdempotencyKey.objects.filter(**place).update(
        status=answer.status_code, answer={"encrypted": text, "headers": headers}
    )
    return answer, False


def _taken(place: dict[str, Any], digest: str, at: datetime) -> bool:
    """Take a key, waiting for who holds it now; one older than a day is as good as none."""
    IdempotencyKey.objects.filter(**place, created_at__lt=at - KEPT).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into tenants_idempotencykey (client_id, user_id, key, request_sha256, created_at)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            [place["client_id"], place["user_id"], place["key"], digest, at],
        )
        return bool(cursor.rowcount)


def _again(row: IdempotencyKey, digest: str) -> Response:
    if row.request_sha256 != digest:
        raise Problem(
            422, "This Idempotency-Key was used for another request. Send a new key with a new request."
        )
    kept: Any = row.answer
    said = json.loads(box().decrypt(kept["encrypted"].encode()))
    answer = Response(said, status=row.status, headers=kept["headers"])
    answer["Idempotent-Replayed"] = "true"
    return answer


def sweep(*, at: datetime) -> int:
    """Forget the keys of more than a day ago; return how many."""
    return IdempotencyKey.objects.filter(created_at__lt=at - KEPT).delete()[0]
