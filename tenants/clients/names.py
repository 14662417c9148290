"""Names that people give: one line of visible text, wherever it is printed, mailed or logged."""

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError

# Control characters, lone surrogates, line and paragraph ends; and what turns the direction of the text around it.
_NOT_TEXT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def validate_one_line(value: str) -> None:
    """Refuse line breaks, control characters and marks that turn text around.

    Raises:
        ValidationError: with a sentence.
    """
    if any(unicodedata.category(each) in _NOT_TEXT or each in _TURNS for each in value):
        raise ValidationError(
            "A name is one line of text: without line breaks, control characters or marks that turn text around."
        )
