"""The series of criteria (CC6, A1, P5 …) with our own titles."""

from typing import Final

SERIES_TITLES: Final = {
    "CC1": "Control environment",
    "CC2": "Communication and information",
    "CC3": "Risk assessment",
    "CC4": "Monitoring activities",
    "CC5": "Control activities",
    "CC6": "Logical and physical access",
    "CC7": "System operations",
    "CC8": "Change management",
    "CC9": "Risk mitigation",
    "A1": "Availability",
    "PI1": "Processing integrity",
    "C1": "Confidentiality",
    "P1": "Privacy: notice",
    "P2": "Privacy: choice and consent",
    "P3": "Privacy: collection",
    "P4": "Privacy: use, retention, disposal",
    "P5": "Privacy: access",
    "P6": "Privacy: disclosure and notification",
    "P7": "Privacy: quality",
    "P8": "Privacy: monitoring and enforcement",
}


def series_of(criterion: str) -> str:
    """Return the series of a criterion: `CC6.1` → `CC6`."""
    return criterion.partition(".")[0]
