"""Names of the OCSF 1.8.0 classes and activities that the adapters use (schema server, version 1.8.0)."""

from __future__ import annotations

from typing import Final

VERSION: Final = "1.8.0"

CATEGORIES: Final = {
    0: "Uncategorized",
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    4: "Network Activity",
    5: "Discovery",
    6: "Application Activity",
}

CLASSES: Final = {
    0: "Base Event",
    1006: "Scheduled Job Activity",
    2002: "Vulnerability Finding",
    2003: "Compliance Finding",
    2004: "Detection Finding",
    2005: "Incident Finding",
    3001: "Account Change",
    3002: "Authentication",
    3003: "Authorize Session",
    3004: "Entity Management",
    3005: "User Access Management",
    3006: "Group Management",
    4001: "Network Activity",
    4005: "RDP Activity",
    4007: "SSH Activity",
    4014: "Tunnel Activity",
    5001: "Device Inventory Info",
    5023: "Cloud Resources Inventory Info",
    6002: "Application Lifecycle",
    6003: "API Activity",
    6005: "Datastore Activity",
    6006: "File Hosting Activity",
    6007: "Scan Activity",
}

ACTIVITIES: Final[dict[int, dict[int, str]]] = {
    1006: {1: "Create", 2: "Update", 3: "Delete", 4: "Enable", 5: "Disable", 6: "Start"},
    2004: {1: "Create", 2: "Update", 3: "Close"},
    3001: {
        1: "Create",
        2: "Enable",
        3: "Password Change",
        4: "Password Reset",
        5: "Disable",
        6: "Delete",
        7: "Attach Policy",
        8: "Detach Policy",
        9: "Lock",
        10: "MFA Factor Enable",
        11: "MFA Factor Disable",
        12: "Unlock",
    },
    3002: {
        1: "Logon",
        2: "Logoff",
        3: "Authentication Ticket",
        4: "Service Ticket Request",
        5: "Service Ticket Renew",
        6: "Preauth",
        7: "Account Switch",
    },
    3004: {
        1: "Create",
        2: "Read",
        3: "Update",
        4: "Delete",
        5: "Move",
        6: "Enroll",
        7: "Unenroll",
        8: "Enable",
        9: "Disable",
    },
    3005: {1: "Assign Privileges", 2: "Revoke Privileges"},
    3006: {
        1: "Assign Privileges",
        2: "Revoke Privileges",
        3: "Add User",
        4: "Remove User",
        5: "Delete",
        6: "Create",
    },
    6002: {
        1: "Install",
        2: "Remove",
        3: "Start",
        4: "Stop",
        5: "Restart",
        6: "Enable",
        7: "Disable",
        8: "Update",
    },
    6003: {1: "Create", 2: "Read", 3: "Update", 4: "Delete"},
    6005: {
        1: "Read",
        2: "Update",
        3: "Connect",
        4: "Query",
        5: "Write",
        6: "Create",
        7: "Delete",
        8: "List",
        9: "Encrypt",
        10: "Decrypt",
    },
}

STATUSES: Final = {0: "Unknown", 1: "Success", 2: "Failure", 99: "Other"}
SEVERITIES: Final = {
    0: "Unknown",
    1: "Informational",
    2: "Low",
    3: "Medium",
    4: "High",
    5: "Critical",
    6: "Fatal",
    99: "Other",
}


def named(
    class_uid: int, activity_id: int, status_id: int, severity_id: int, other: str
) -> dict[str, object]:
    """The classification attributes of an event; `other` names an activity or status 99."""
    class_name = CLASSES[class_uid]
    activity = ACTIVITIES.get(class_uid, {}).get(activity_id) or ("Unknown" if activity_id == 0 else other)
    category = class_uid // 1000
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": category,
        "category_name": CATEGORIES[category],
        "class_uid": class_uid,
        "class_name": class_name,
        "type_uid": class_uid * 100 + activity_id,
        "type_name": f"{class_name}: {activity}",
        "severity_id": severity_id,
        "severity": SEVERITIES[severity_id],
        "status_id": status_id,
        "status": STATUSES[status_id],
    }
