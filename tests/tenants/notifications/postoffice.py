"""A real mail server that the tests start, stop and make refuse."""

import asyncio
import contextlib
import email
import email.message
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from typing import Any

from aiosmtpd.controller import Controller
from django.test import override_settings


@dataclass
class PostOffice:
    """What arrived, oldest first; `refuses` are addresses it takes nothing for, `slow` how long it thinks."""

    port: int
    letters: list[email.message.EmailMessage] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    slow: float = 0

    def of(self, address: str) -> list[email.message.EmailMessage]:
        """The letters to one person."""
        return [letter for letter in self.letters if letter["To"] == address]

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return f"550 no mailbox {address} here, said the server about the mail"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.slow:
            await asyncio.sleep(self.slow)
        letter = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, email.message.EmailMessage)
        self.letters.append(letter)
        return "250 OK"


def free_port() -> int:
    """A port where nothing listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def mailed_to(office: PostOffice, *, timeout: float = 5) -> Iterator[None]:
    """Have Django mail to this server's address, whether or not it is open."""
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=office.port,
        EMAIL_HOST_USER="",
        EMAIL_USE_TLS=False,
        EMAIL_USE_SSL=False,
        EMAIL_TIMEOUT=timeout,
    ):
        yield


@contextlib.contextmanager
def opened(office: PostOffice) -> Iterator[None]:
    """Have the server listen."""
    controller = Controller(office, hostname="127.0.0.1", port=office.port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()
