"""Reading JSON strictly: whatever gets past here is safe to compare, store and print."""

import json
from typing import Any, Final

from rest_framework.parsers import BaseParser

from tenants.api.middleware import LONGEST_BODY
from tenants.api.problems import Problem

DEEPEST: Final = 32
LONGEST_NUMBER: Final = 40


class StrictJson(BaseParser):
    """JSON without NUL, lone surrogates, NaN, repeated names, deep nesting or endless numbers."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the value of a body, or refuse it in words."""
        body = stream.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            raise Problem(413)
        try:
            value = json.loads(
                body.decode("utf-8"),
                parse_int=_integer,
                parse_float=_fraction,
                parse_constant=_no_constant,
                object_pairs_hook=_once,
            )
        except UnicodeDecodeError as error:
            raise Problem(400, f"The body is not UTF-8 (byte {error.start}). Send it in UTF-8.") from error
        except RecursionError as error:
            raise Problem(400, f"The JSON is nested too deeply. {DEEPEST} levels are read.") from error
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise Problem(
                400, f"The body is no JSON: {error.msg} at {where}. Send one JSON object."
            ) from error
        _check(value, 0)
        return value


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise Problem(
            400, f"A number in the body is longer than {LONGEST_NUMBER} digits. Send a shorter one."
        )
    return int(text)


def _fraction(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise Problem(
            400, f"A number in the body is longer than {LONGEST_NUMBER} digits. Send a shorter one."
        )
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Problem(400, "A number in the body is too large. Send a smaller one.")
    return number


def _no_constant(text: str) -> None:
    raise Problem(400, f"{text} is no JSON. Send a number or null.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Problem(
            400, "A name stands twice in one object of the body, so its value is not clear. Send it once."
        )
    return found


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise Problem(400, f"The JSON is nested too deeply. {DEEPEST} levels are read.")
    if isinstance(value, str):
        if "\x00" in value:
            raise Problem(400, "The body contains a NUL character, which no text here can hold. Take it out.")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Problem(
                400, "The body contains half of a surrogate pair, which is no character. Take it out."
            )
    elif isinstance(value, dict):
        for name, each in value.items():
            _check(name, depth)
            _check(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check(each, depth + 1)
