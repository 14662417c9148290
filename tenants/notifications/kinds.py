"""What people are told of, as a table; the apps on the right add their kinds at start-up.

A kind says which action of the policy lets somebody know of it: whoever may no longer do that at the client is told
nothing, in the portal or by mail, even of what was written for them before.
"""

from dataclasses import dataclass

from tenants.access.policy import POLICY, UnknownActionError
from tenants.notifications.models import NotificationSetting

AT_ONCE = NotificationSetting.Mail.AT_ONCE
DIGEST = NotificationSetting.Mail.DIGEST


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notification.

    `mail` is how it is mailed to whoever leaves that to the kind. What may not wait is mailed at once, whatever a
    person chose. `many` says several of them in one sentence, with `{count}`, where they are gathered into one.
    """

    key: str
    label: str
    action: str
    mail: NotificationSetting.Mail = DIGEST
    may_wait: bool = True
    many: str = ""


class UnknownKindError(LookupError):
    """A kind that nobody registered: a mistake in the code."""

    def __init__(self, key: str) -> None:
        super().__init__(f'"{key}" is no kind of notification. Register it (tenants/notifications/kinds.py).')


_KINDS: dict[str, Kind] = {}


def register(*added: Kind) -> None:
    """Add kinds; a second one of the same key, or an action that the policy lacks, is a mistake in the code."""
    for kind in added:
        if kind.key in _KINDS:
            raise ValueError(f'The kind of notification "{kind.key}" is registered twice.')
        if kind.action not in POLICY:
            raise UnknownActionError(kind.action)
        _KINDS[kind.key] = kind


def kind_of(key: str) -> Kind:
    """Return a kind by its key, or raise `UnknownKindError`."""
    try:
        return _KINDS[key]
    except KeyError:
        raise UnknownKindError(key) from None


def kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order of registration."""
    return tuple(_KINDS.values())


register(
    Kind("breakglass_opened", "Break-glass entry opened", "breakglass.read", AT_ONCE, may_wait=False),
    Kind("breakglass_ended", "Break-glass entry ended", "breakglass.read"),
    Kind("invitation_accepted", "Invitation accepted", "member.read"),
    Kind("engagement_opened", "Engagement opened", "engagement.read"),
    Kind("engagement_closed", "Engagement closed", "engagement.read"),
    Kind("token_expires", "API token expires soon", "token.read", AT_ONCE),
)
