"""The words a rule may use: criteria, controls, sources, fields and facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from controls.rules.language.errors import did_you_mean

_CATALOGUE: Final = Path(__file__).resolve().parents[2] / "catalogue"

EVENT_COLUMNS: Final = frozenset(
    {"time", "action", "actor_key", "target_key", "src_ip", "source", "class_uid", "activity_id", "status_id"}
)

# Sources that soc2-rules §3.4 names. One without an adapter yet may stand in a rule: the rule then waits for it.
ANNOUNCED_SOURCES: Final = frozenset(
    "aws azure gcp google okta entra auth0 github gitlab bitbucket jenkins circleci kubernetes docker postgresql "
    "mysql mongodb mssql firewall load_balancer vpn edr crowdstrike defender sentinelone backup veeam scanner mdm "
    "hr tickets jira servicenow application inventory portal paloalto fortinet cisco cloudflare nginx haproxy "
    "cloudtrail_lake slack linux windows".split()
)

_SUBJECT_FACTS: Final = (
    "person key kind privileged enabled created_at last_used_at mfa_enrolled factors login employed left_at "
    "started_at role manager idp_mfa baseline_mature sod_conflict"
).split()

# soc2-rules §3.3. `session.mfa` is a second factor that other events of the same sign-in prove.
FACTS: Final = frozenset(
    [f"{subject}.{name}" for subject in ("actor", "target", "account") for name in _SUBJECT_FACTS]
    + [
        f"{subject}.{name}"
        for subject, names in {
            "session": "mfa",
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

# OCSF 1.8.0, as far as sources fill it: what each object holds. A `:name` gives the attribute's own object.
_OBJECTS: Final[dict[str, dict[str, str]]] = {
    name: {
        attribute.partition(":")[0]: attribute.partition(":")[2] for attribute in " ".join(attributes.split()).split()
    }
    for name, attributes in {
        "user": "name uid uid_alt type type_id email_addr full_name display_name domain has_mfa credential_uid "
        "forward_addr phone_number risk_level risk_level_id risk_score account:account org:organization "
        "groups:group ldap_person:ldap_person",
        "account": "name uid type type_id labels tags",
        "organization": "name uid ou_name ou_uid",
        "group": "name uid type domain desc privileges",
        "ldap_person": "cost_center created_time deleted_time display_name email_addrs employee_uid given_name "
        "hire_time job_title labels last_login_time ldap_cn ldap_dn leave_time manager:user modified_time "
        "office_location surname",
        "session": "uid uid_alt uuid issuer created_time expiration_time expiration_reason is_mfa is_remote is_vpn "
        "credential_uid count terminal",
        "actor": "user:user session:session process:process idp:idp invoked_by app_name app_uid "
        "authorizations:authorization",
        "process": "name uid pid cmd_line path user:user created_time file:file parent_process:process",
        "file": "name uid path type type_id size hashes mime_type owner:user parent_folder ext",
        "idp": "name uid issuer protocol_name domain state state_id fingerprint has_mfa tenant_uid url_string "
        "auth_factors:auth_factor",
        "authorization": "decision policy:policy",
        "policy": "name uid desc version is_applied group:group data type type_id",
        "api": "operation version service:service request:request response:response group:group",
        "service": "name uid version labels",
        "request": "uid data flags containers",
        "response": "code error error_message message data flags containers",
        "endpoint": "ip port hostname name uid domain svc_name location:location type type_id mac interface_uid "
        "instance_uid vpc_uid subnet_uid zone intermediate_ips os:os owner:user proxy_endpoint:endpoint "
        "autonomous_system:autonomous_system agent_list container namespace_pid",
        "autonomous_system": "name number",
        "location": "city country continent coordinates desc is_on_premises isp lat long postal_code provider region",
        "os": "name version type type_id build lang edition",
        "http_request": "user_agent url:url http_method http_headers args referrer version uid length "
        "x_forwarded_for body_length",
        "http_response": "code status message http_headers latency length content_type body_length",
        "url": "url_string hostname path port query_string scheme domain subdomain resource_type category_ids",
        "resource": "name uid uid_alt type region zone cloud_partition namespace owner:user group:group labels tags "
        "data criticality version is_backed_up hostname ip role role_id agent_list arn account_uid",
        "cloud": "provider region zone project_uid cloud_partition account:account org:organization",
        "device": "name uid hostname ip mac type type_id os:os domain region is_managed is_compliant is_trusted "
        "is_personal first_seen_time last_seen_time owner:user location:location org:organization "
        "instance_uid hw_info imei model vendor_name agent_list",
        "auth_factor": "factor_type factor_type_id device:device email_addr is_hotp is_totp phone_number provider "
        "security_questions",
        "metadata": "version uid product:product profiles event_code log_name log_provider original_time "
        "processed_time logged_time correlation_uid sequence tenant_uid labels extensions log_version logger "
        "loggers modified_time untruncated_size is_truncated",
        "product": "name uid version vendor_name lang feature:feature path url_string",
        "feature": "name uid version",
        "certificate": "subject issuer serial_number expiration_time created_time fingerprints version uid "
        "is_self_signed sans",
        "tls": "version cipher server_ciphers client_ciphers sni certificate:certificate ja3_hash ja3s_hash alert "
        "key_length handshake_dur",
        "connection": "direction direction_id protocol_name protocol_num protocol_ver uid boundary boundary_id "
        "tcp_flags session:session",
        "traffic": "bytes bytes_in bytes_out packets packets_in packets_out chunks",
        "finding": "title uid desc types created_time modified_time first_seen_time last_seen_time src_url "
        "product_uid related_events data_sources analytic:analytic attacks",
        "analytic": "name uid type type_id version category desc",
        "vulnerability": "title desc severity cve:cve first_seen_time last_seen_time is_fix_available "
        "is_exploit_available affected_packages affected_code references kb_articles remediation:remediation "
        "vendor_name fix_coverage dependency_chain",
        "cve": "uid title desc type created_time modified_time cvss epss cwe references product:product",
        "remediation": "desc references kb_articles",
        "malware": "name uid classifications classification_ids path provider severity severity_id",
        "managed_entity": "name uid type type_id version data user:user group:group device:device "
        "organization:organization policy:policy email",
        "job": "name cmd_line desc created_time last_run_time next_run_time run_state run_state_id user:user file:file",
        "query": "uid query_string type type_id attributes",
        "database": "name uid type type_id desc size created_time modified_time groups:group",
        "table": "name uid desc size created_time modified_time groups:group",
        "databucket": "name uid type type_id file:file is_encrypted is_public size groups:group",
        "rule": "name uid type version category desc",
        "compliance": "status status_id status_code status_detail requirements standards control "
        "control_parameters checks",
        "scan": "name uid type type_id",
        "app": "name uid version vendor_name path labels",
    }.items()
}

_BASE: Final = (
    "activity_id activity_name category_uid category_name class_uid class_name type_uid type_name time start_time "
    "end_time duration count message metadata:metadata observables raw_data severity severity_id status status_id "
    "status_code status_detail timezone_offset enrichments unmapped api:api cloud:cloud device:device actor:actor "
    "action action_id disposition disposition_id attacks authorizations:authorization firewall_rule:rule "
    "malware:malware policy:policy is_alert confidence confidence_id risk_level risk_level_id risk_score risk_details "
    "src_endpoint:endpoint dst_endpoint:endpoint http_request:http_request http_response:http_response "
    "resources:resource resource:resource comment is_mfa is_remote session:session user:user "
    "tls:tls connection_info:connection traffic:traffic"
)
# What single classes have beyond the base event and the profiles for cloud, host and security control.
_CLASS_FIELDS: Final[dict[int, str]] = {
    2002: "finding_info:finding vulnerabilities:vulnerability vendor_attributes",
    2003: "finding_info:finding compliance:compliance evidences remediation:remediation vendor_attributes",
    2004: "finding_info:finding evidences impact impact_id impact_score vulnerabilities:vulnerability "
    "remediation:remediation vendor_attributes verdict verdict_id",
    2005: "assignee:user assignee_group:group finding_info_list:finding impact impact_id priority priority_id "
    "verdict verdict_id ticket src_url desc is_suspected_breach",
    3001: "user_result:user policies:policy auth_factors:auth_factor",
    3002: "auth_protocol auth_protocol_id auth_factors:auth_factor authentication_token certificate:certificate "
    "is_cleartext is_new_logon logon_type logon_type_id logon_process:process service:service "
    "account_switch_type account_switch_type_id",
    3003: "privileges group:group",
    3004: "entity:managed_entity entity_result:managed_entity",
    3005: "privileges user_result:user",
    3006: "group:group privileges subgroup:group user_result:user",
    4001: "proxy:endpoint url:url is_src_dst_assignment_known app_name",
    4005: "protocol_ver file:file identifier_cookie capabilities remote_display request:request response:response",
    4007: "auth_type auth_type_id client_hassh server_hassh file:file protocol_ver",
    4014: "tunnel_interface tunnel_type tunnel_type_id protocol_name",
    6002: "app:app",
    6003: "trace service:service",
    6005: "databucket:databucket database:database table:table query:query query_info:query type type_id",
    6006: "file:file file_result:file share share_type share_type_id expiration_time",
    6007: "scan:scan num_detections num_files num_folders num_network_items num_processes num_registry_items "
    "num_resolutions num_skipped_items num_trusted_items total policy:policy schedule_uid command_uid",
    1006: "job:job file:file",
    5001: "device:device",
    5023: "cloud:cloud databases:database databucket:databucket table:table container idp:idp region",
}


def _attributes(text: str) -> dict[str, str]:
    return {word.partition(":")[0]: word.partition(":")[2] for word in text.split()}


_BASE_FIELDS: Final = _attributes(_BASE)
_ALL_FIELDS: Final = _attributes(" ".join([*_CLASS_FIELDS.values(), _BASE]))
_INDEX = re.compile(r"(?:\[\]|\.[0-9]+(?=\.|\Z))")


def _fields_of(class_uid: int | None) -> dict[str, str]:
    if class_uid is None or class_uid not in _CLASS_FIELDS:
        return _ALL_FIELDS
    return {**_BASE_FIELDS, **_attributes(_CLASS_FIELDS[class_uid])}


def _closest_path(path: str, class_uid: int | None) -> str:
    """Return ` Did you mean "…"?` for a path, mended part by part."""
    mended: list[str] = []
    known: dict[str, str] | None = _fields_of(class_uid)
    for part in path.split("."):
        bare = part.removesuffix("[]")
        if known is None or bare in known:
            mended.append(part)
        else:
            near = did_you_mean(bare, known)
            if not near:
                return did_you_mean(path, EVENT_COLUMNS) if not mended else ""
            mended.append(near.split('"')[1])
        child = (known or {}).get(mended[-1].removesuffix("[]"), "")
        known = _OBJECTS.get(child) if child else None
    return f' Did you mean "{".".join(mended)}"?'


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
        known: dict[str, str] | None = _fields_of(class_uid)
        for part in _INDEX.sub("", path).split("."):
            if known is None or part not in known:
                where = f" for class {class_uid}" if class_uid is not None else ""
                near = _closest_path(path, class_uid)
                return f'unknown field "{path}"{where}.{near}' if near else f'unknown field "{path}"{where}'
            child = known[part]
            if child == "" and part in ("data", "http_headers", "tags", "labels", "enrichments", "unmapped"):
                return None  # free content
            known = _OBJECTS.get(child) if child else None
        return None

    def source_error(self, slug: str) -> str | None:
        """Return the sentence for a source that nobody has heard of, or None."""
        if slug == "any" or slug in self.sources or slug in ANNOUNCED_SOURCES:
            return None
        near = did_you_mean(slug, self.sources | ANNOUNCED_SOURCES)
        return f'source "{slug}" does not exist.{near}' if near else f'source "{slug}" does not exist'

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


@cache
def shipped_vocabulary() -> Vocabulary:
    """Return the words of this installation: its catalogue, and the sources that have an adapter."""
    from evidence.sources import registry

    criteria = yaml.safe_load((_CATALOGUE / "criteria.yml").read_text("utf-8"))["criteria"]
    templates = yaml.safe_load((_CATALOGUE / "templates.yml").read_text("utf-8"))["templates"]
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
