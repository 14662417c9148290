"""An event as names and values for reading (pure)."""

from collections.abc import Iterator
from typing import Any, Final

from evidence.ocsf.classes import ACTIVITIES, CLASSES, SEVERITIES, STATUSES
from evidence.ocsf.event import Event

# Shown by words at the top, so not again below.
_TOP: Final = frozenset(
    {
        "activity_id", "activity_name", "category_uid", "category_name", "class_uid", "class_name", "type_uid",
        "type_name", "severity_id", "severity", "status_id", "status", "time",
    }
)  # fmt: skip


def class_words(class_uid: int, activity_id: int) -> str:
    """Name an OCSF class and activity: `Authentication: Logon`."""
    name = CLASSES.get(class_uid, f"class {class_uid}")
    activity = ACTIVITIES.get(class_uid, {}).get(activity_id, "")
    return f"{name}: {activity}" if activity else name


def columns(event: Event) -> list[tuple[str, object]]:
    """Return what every event has."""
    return [
        ("Action", event.action),
        ("Actor", event.actor_key),
        ("Target", event.target_key),
        ("From address", event.src_ip),
        ("Class", class_words(event.class_uid, event.activity_id)),
        ("Status", STATUSES.get(event.status_id, str(event.status_id))),
        ("Severity", SEVERITIES.get(event.severity_id, str(event.severity_id))),
    ]


def paths(event: Event) -> list[tuple[str, object]]:
    """Return the OCSF document below the columns as dotted paths; the vendor's own fields come last."""
    flat = list(_flat(event.full(), ""))
    own = [(path, value) for path, value in flat if not path.startswith("unmapped.")]
    vendor = [(path, value) for path, value in flat if path.startswith("unmapped.")]
    return [(path, value) for path, value in own if path not in _TOP] + vendor


def _flat(found: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(found, dict) and found:
        for key, value in found.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(found, list) and found:
        for place, value in enumerate(found):
            yield from _flat(value, f"{path}[{place}]")
    else:
        yield path, _plain(found)


def _plain(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value == "":
        return "“”"
    if value in ({}, []):
        return "none"
    return str(value)
