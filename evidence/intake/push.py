"""HTTP push: `POST …/intake/SOURCE` with a token of that source. 2xx only after the bytes are committed."""

import zlib
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from evidence.intake.hint import hint_intake
from evidence.intake.services import NoRoom, Refused, TooLarge, receive_body
from evidence.intake.sources import source_of_token
from tenants.access.declare import token_view
from tenants.access.tokens import bearer_of, token_refused

ENCODINGS = ("", "identity", "gzip")


@csrf_exempt
@token_view("intake.push")
@require_POST
def push(request: HttpRequest, slug: str) -> JsonResponse:
    """Take one body (NDJSON, a JSON array, a vendor's document; plain or gzip) and answer with its receipt.

    401: no such token for this source here. 411: no length. 413: over the limit, which the answer names.
    415: another content encoding. 400: empty or cut short. 507: the disk is full.
    202: the bytes are committed and will be read.
    """
    at = timezone.now()
    source = source_of_token(bearer_of(request) or "", slug, at=at)
    if source is None:
        return token_refused()
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        return _problem(
            415,
            f'Content-Encoding "{encoding}" is not read. Send the body plain or with gzip.',
        )
    limit = settings.PROOFLINE_PUSH_LIMIT
    length = request.headers.get("Content-Length", "")
    if not length and request.headers.get("Transfer-Encoding"):
        return _problem(411, "The length is not stated. Send the body with a Content-Length, not in chunks.")
    if length.isdigit() and int(length) > limit:
        return _problem(
            413,
            f"The body has {length} bytes; the limit is {limit}. Send it in smaller pieces.",
            limit=limit,
        )
    try:
        body = request.read(limit + 1)
        if length.isdigit() and len(body) < int(length):
            # Some servers end a broken connection like a whole body: the length tells them apart.
            raise Refused(f"Only {len(body)} of {length} bytes arrived. Nothing was taken; send it again.")
        receipt = receive_body(source, body, at=at, encoding=encoding)
    except (TooLarge, RequestDataTooBig) as error:
        return _problem(413, str(error), limit=limit)
    except NoRoom as error:
        return _problem(507, str(error))
    except (Refused, UnreadablePostError, zlib.error) as error:
        return _problem(400, str(error))
    hint_intake(request.client)
    return JsonResponse(
        {"receipt": receipt.pk, "sha256": receipt.sha256, "bytes": receipt.size},
        status=202,
    )


def _problem(status: int, detail: str, **more: Any) -> JsonResponse:
    return JsonResponse(
        {"status": status, "detail": detail, **more},
        status=status,
        content_type="application/problem+json",
    )
