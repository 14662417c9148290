"""The sections of the bar, as a table: a section shows where its address exists and the person may open it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the bar: its words, the name of its URL, the action that opens it, the path it covers."""

    title: str
    url: str
    action: str


CLIENT_SECTIONS: Final = (
    Section("Home", "home", "control.read"),
    Section("Controls", "controls", "control.read"),
    Section("Exceptions", "exceptions", "exception.read"),
    Section("Sources", "sources", "source.read"),
    Section("Packages", "packages", "package.read"),
)
PORTAL_SECTIONS: Final = (Section("Clients", "start", "client.list"),)
