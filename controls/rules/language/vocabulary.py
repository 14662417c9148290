"""The words a rule may use: criteria, controls, sources, fields and facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from controls.rules.language.errors import did_you_mean
from controls.rules.language.ocsf_paths import is_path, nearest_path

_CATALOGUE: Final = Path(__file__).resolve().parents[2] / "catalogue"

_SLUG: Final = re.compile(r"[a-z][a-z0-9_-]*\Z")

EVENT_COLUMNS: Final = frozenset(
    {"time", "action", "actor_key", "target_key", "src_ip", "source", "class_uid", "activity_id", "status_id"}
)

# Sources that soc2-rules §3.4 names. One without an adapter yet may stand in a rule: the rule then waits for it.
ANNOUNCED_SOURCES: Final = frozenset(
    {
        "auth0", "aws", "azure", "backup", "bitbucket", "circleci", "cisco", "cloudflare", "crowdstrike",
        "defender", "docker", "edr", "entra", "firewall", "fortinet", "gcp", "github", "gitlab", "google",
        "haproxy", "hr", "inventory", "application", "jenkins", "jira", "kubernetes", "linux", "load_balancer",
        "mdm", "mongodb", "mssql", "mysql", "nginx", "okta", "paloalto", "portal", "postgresql", "scanner",
        "sentinelone", "servicenow", "slack", "tickets", "veeam", "vpn", "windows",
    }
)  # fmt: skip

_SUBJECT_FACTS: Final = (
    "person", "key", "kind", "privileged", "enabled", "created_at", "last_used_at", "mfa_enrolled", "factors",
    "login", "employed", "left_at", "started_at", "role", "manager", "idp_mfa", "idp_factors", "baseline_mature",
    "sod_conflict",
)  # fmt: skip

# soc2-rules §3.3. `session.mfa` is a second factor that events of the same sign-in prove, `session.factors` its kinds.
FACTS: Final = frozenset(
    [f"{subject}.{name}" for subject in ("actor", "target", "account") for name in _SUBJECT_FACTS]
    + [
        f"{subject}.{name}"
        for subject, names in {
            "session": "mfa factors",
            "asset": "in_scope environment criticality owner data_class rpo rto backup_plan scan_due "
            "encrypted_at_rest encrypted_in_transit key_kind public",
            "vuln": "severity first_seen sla_due accepted_until exploited",
            "change": "result approved_by approved_at requested_by class in_window frozen",
            "baseline_item": "expected drifted_since accepted_until",
            "ip": "egress_known corporate private",
            "device": "managed healthy encrypted os_supported",
            "repo": "protected",
            "branch": "protected",
            "image": "scanned signed",
            "source": "coverage",
            "plan": "slots",
        }.items()
        for name in names.split()
    ]
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What rules may name.

    `sources` are those with an adapter. `sends(source, path)` answers `always`, `sometimes` or `never`.
    `mappings` gives per log source (`aws/cloudtrail`) the vendor's field names, `.*` for a prefix. An empty
    `controls` means that no catalogue is at hand and control ids are not checked.
    """

    criteria: frozenset[str]
    controls: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    sends: Callable[[str, str], str] = lambda source, path: "sometimes"
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def field_error(self, path: str, class_uid: int | None, settings: frozenset[str]) -> str | None:
        """Return the sentence for a field that does not exist, or None."""
        if path in EVENT_COLUMNS or path.startswith("unmapped."):
            return None
        if path.startswith("fact."):
            name = path.removeprefix("fact.")
            if name in FACTS:
                return None
            near = did_you_mean(path, (f"fact.{fact}" for fact in FACTS))
            return f'unknown fact "{name}".{near}' if near else f'unknown fact "{name}"'
        if path.startswith("setting."):
            name = path.removeprefix("setting.")
            return None if name in settings else f'field "{path}" has no such setting'
        if is_path(path, class_uid):
            return None
        where = f" for class {class_uid}" if class_uid is not None else ""
        near = nearest_path(path, class_uid, EVENT_COLUMNS)
        return f'unknown field "{path}"{where}.{near}' if near else f'unknown field "{path}"{where}'

    def source_error(self, slug: str) -> str | None:
        """Return the sentence for a source that nobody has heard of, or None."""
        if slug == "any" or slug in self.sources or slug in ANNOUNCED_SOURCES:
            return None
        # A source that nobody announced may still come; a slip of the pen may not.
        near = did_you_mean(slug, self.sources | ANNOUNCED_SOURCES, 0.82)
        if near or not _SLUG.match(slug):
            return f'source "{slug}" does not exist.{near}' if near else f'source "{slug}" does not exist'
        return None

    def mapped(self, logsource: str, name: str) -> str | None:
        """Return our path for a vendor's field of an imported rule, or None where the table has none."""
        table = self.mappings.get(logsource, {})
        if name in table:
            return table[name]
        prefixes = sorted((key for key in table if key.endswith("*")), key=len, reverse=True)
        for prefix in prefixes:
            if name.startswith(prefix[:-1]):
                return table[prefix].removesuffix("*") + name.removeprefix(prefix[:-1])
        return None


# soc2-rules §3.2; a source's own source.yml (`sigma:`) adds to these and wins.
_MAPPINGS: Final[dict[str, dict[str, str]]] = {
    "aws/cloudtrail": {
        "eventName": "action",
        "eventSource": "api.service.name",
        "errorCode": "status_code",
        "sourceIPAddress": "src_ip",
        "userAgent": "http_request.user_agent",
        "userIdentity.arn": "actor.user.uid_alt",
        "userIdentity.type": "actor.user.type",
        "responseElements.*": "unmapped.responseElements.*",
        "requestParameters.*": "unmapped.requestParameters.*",
        "additionalEventData.*": "unmapped.additionalEventData.*",
    },
    "okta/okta": {
        "eventType": "action",
        "actor.displayName": "actor.user.full_name",
        "actor.alternateId": "actor.user.email_addr",
        "outcome.result": "status_code",
        "outcome.reason": "status_detail",
        "target.*": "resources[].*",
        "client.ipAddress": "src_ip",
        "debugContext.*": "unmapped.debugContext.*",
    },
    "github/audit": {
        "action": "action",
        "actor": "actor.user.name",
        "actor_ip": "src_ip",
        "repo": "resources[].name",
        "*": "unmapped.*",
    },
}


def _catalogue(name: str) -> dict[str, Any]:
    text = (_CATALOGUE / f"{name}.yml").read_text("utf-8")
    return dict(yaml.load(text, Loader=yaml.CSafeLoader))


@cache
def shipped_vocabulary() -> Vocabulary:
    """Return the words of this installation: its catalogue, and the sources that have an adapter."""
    from evidence.sources import registry

    criteria = _catalogue("criteria")["criteria"]
    templates = _catalogue("templates")["templates"]
    slugs = frozenset(registry.adapters())
    mappings = {name: dict(table) for name, table in _MAPPINGS.items()}
    for slug in slugs:
        for name, table in registry.contract(slug).sigma.items():
            mappings[name] = {**mappings.get(name, {}), **table}
    return Vocabulary(
        criteria=frozenset(criteria),
        controls=frozenset(template["id"] for template in templates),
        sources=slugs,
        sends=lambda source, path: registry.contract(source).sends(path) if source in slugs else "sometimes",
        mappings=mappings,
    )
