"""Is a body a file of lines or one document? Decided by its first line, never by its name."""

import json

_WINDOW = 1 << 20


def is_lines(head: bytes) -> bool:
    """Say whether `head` (the first MiB, unpacked) begins a file with one JSON value a line.

    A document that ends within its first line without a line feed (`{"Records": […]}` on one line) is a
    document. Text that is no JSON (CSV, broken bytes) is a document too: its adapter reads it whole.
    """
    first, found, rest = head.lstrip(b" \t\r\n\xef\xbb\xbf").partition(b"\n")
    if not found or not rest.strip():
        return False
    if first[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True
