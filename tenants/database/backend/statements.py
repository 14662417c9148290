"""Reading SQL just far enough to know what it does to the search path. Pure."""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      --[^\n]*
    | /\*
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?P<tag>\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")

# Whatever else a text does, only one with such a word in it can undo or change the path.
_SUSPECT: Final = re.compile(
    r"\b(?:rollback|abort|commit|end|prepare|discard|reset|set|search_path|schema|role)\b", re.IGNORECASE
)
_ENDS_TRANSACTION: Final = re.compile(
    r"(?:rollback|abort|commit|end|discard|reset|prepare\s+transaction)\b", re.IGNORECASE
)
_SETS_PATH: Final = re.compile(
    r"set\s+(?:session\s+|local\s+)?(?:(?:search_path|schema|role|session\s+authorization)\b|\"search_path\")",
    re.IGNORECASE,
)
_ROLLBACK_TO: Final = re.compile(r"\s*rollback\s+(?:work\s+|transaction\s+)?to\b[^;]*;?\s*\Z", re.IGNORECASE)
_DECLARE: Final = re.compile(r'\s*declare\s+(?:"((?:[^"]|"")*)"|(\w+))', re.IGNORECASE)
_FETCH: Final = re.compile(r"\s*(?:fetch|move)\b", re.IGNORECASE)
# On servers that do not report the path, only after these is what was confirmed still known.
_HARMLESS: Final = re.compile(
    r"[\s(]*(?:select|with|insert|update|delete|merge|copy|declare|values|table|fetch|move|close|explain"
    r"|savepoint|release|lock|begin|start|create|alter|drop|truncate|comment|analyze|grant|revoke|notify)\b",
    re.IGNORECASE,
)


def split(text: str) -> list[str]:
    """Return the statements of `text` with comments and quoted parts blanked, empty ones left out.

    Quotes, dollar quotes and nested comments are understood, so a function body is one statement. A text
    that ends inside a quote is one statement to its end: the server will refuse it.
    """
    statements: list[str] = []
    current: list[str] = []
    at = 0
    while match := _TOKEN.search(text, at):
        current.append(text[at : match.start()])
        token = match.group()
        at = match.end()
        if match.group("end"):
            statements.append("".join(current))
            current = []
        elif tag := match.group("tag"):
            close = text.find(tag, at)
            at = len(text) if close < 0 else close + len(tag)
            current.append(" '' ")
        elif token == "/*":
            at = _past_comment(text, at)
            current.append(" ")
        elif token[0] == '"':
            current.append(token)
        else:
            current.append(" " if token.startswith("--") else " '' ")
    current.append(text[at:])
    statements.append("".join(current))
    return [statement.strip() for statement in statements if statement.strip()]


def _past_comment(text: str, at: int) -> int:
    """Return the position after the comment whose opening lies before `at`; comments nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(text, at)):
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return len(text) if depth else at


def is_rollback_to(text: str) -> bool:
    """Whether the text is one `ROLLBACK TO SAVEPOINT` and nothing else."""
    return _ROLLBACK_TO.match(text) is not None


def is_several(text: str) -> bool:
    """Whether the text holds more than one statement."""
    return ";" in text.rstrip("; \t\r\n") and len(split(text)) > 1


def loses_path_midway(text: str) -> bool:
    """Whether a statement before the last of `text` may leave another path to those after it."""
    if ";" not in text.rstrip("; \t\r\n") or not _SUSPECT.search(text):
        return False
    return any(
        _ENDS_TRANSACTION.match(statement) or _SETS_PATH.match(statement) or "set_config" in statement.lower()
        for statement in split(text)[:-1]
    )


def leaves_path_alone(text: str) -> bool:
    """Whether the path is surely the same after `text` as before, on a server that does not report it."""
    if not _HARMLESS.match(text):
        return False
    lowered = text.lower()
    return "search_path" not in lowered and "set_config" not in lowered and not is_several(text)


def declared_name(text: str) -> str | None:
    """Return the name, in small letters, of the cursor that `text` declares."""
    match = _DECLARE.match(text)
    return (match.group(1) or match.group(2)).lower() if match else None


def is_fetch(text: str) -> bool:
    """Whether the text reads on from, or moves, a cursor declared before."""
    return _FETCH.match(text) is not None
