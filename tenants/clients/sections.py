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
    Section("My work", "mywork", "mywork.read"),
    Section("Controls", "controls", "control.read"),
    Section("Exceptions", "exceptions", "exception.read"),
    Section("Sources", "sources", "source.read"),
    Section("Packages", "packages", "package.read"),
    Section("Settings", "members", "member.read"),
)
PORTAL_SECTIONS: Final = (
    Section("Clients", "start", "client.list"),
    Section("My work", "mywork", "mywork.read"),
    Section("Staff", "staff", "staff.read"),
    Section("Signing keys", "signing_keys", "key.read"),
)
# The tabs of a client's settings (`components/tabs.html`), in order.
SETTINGS_PAGES: Final = (
    Section("People", "members", "member.read"),
    Section("Engagements", "engagements", "engagement.read"),
    Section("Access log", "readlog", "readlog.read"),
    Section("Break-glass", "breakglass_log", "breakglass.read"),
    Section("Tokens", "api_tokens", "token.read"),
    Section("Sign-in", "identity", "client.settings_read"),
    Section("History", "history", "history.read"),
    Section("Client", "client_settings", "client.settings_read"),
    Section("Administration", "admin:index", "admin.read"),
)
# A person's own pages, in the menu under their name, beside password and second factor.
OWN_PAGES: Final = (
    Section("Sessions", "sessions", "session.read"),
    Section("Notifications", "notification_settings", "notification.settings"),
)
