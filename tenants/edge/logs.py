"""One line of the log per event: nobody writes lines of their own into it by what they send."""

import logging
from typing import Final

_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


class OneLine(logging.Formatter):
    """Writes control characters of a message as escapes; a traceback below it stays as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """Write the message in one line."""
        return super().formatMessage(record).translate(_CONTROL)
