"""What a file of another kind looks like, told from its first bytes: the sentence a person needs to go on.

Adapters recognize their own files. This is for the rest, so that a refusal names what was given.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from evidence.sources.packing import GZIP, Unpacked

HEAD: Final = 65536


class _Known(NamedTuple):
    """A family, and the patterns of which all must be found."""

    looks: str
    marks: tuple[re.Pattern[bytes], ...]


def _known(looks: str, *marks: str) -> _Known:
    return _Known(looks, tuple(re.compile(mark.encode(), re.MULTILINE) for mark in marks))


_MAGIC: Final = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document): unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ElfFile\x00", "a Windows event log in its binary form (EVTX)"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture"),
    (b"{\\rtf", "a rich-text document"),
    (b"-----BEGIN ", "a PEM file (a key or a certificate)"),
)

# The more telling first: each family is named by members that only it has together.
_JSON: Final = (
    _known("AWS GuardDuty findings", r'"schemaVersion"', r'"service"\s*:\s*\{', r'"detectorId"|GuardDuty'),
    _known("AWS GuardDuty findings", r'"detail-type"\s*:\s*"GuardDuty Finding"'),
    _known("AWS Security Hub findings (ASFF)", r'"ProductArn"', r'"AwsAccountId"'),
    _known("AWS Security Hub findings", r'"detail-type"\s*:\s*"Security Hub Findings'),
    _known("AWS Config configuration items", r'"configurationItem|"configurationItemCaptureTime"'),
    _known("AWS Config rule events", r'"invokingEvent"'),
    _known("Amazon Inspector findings", r'"findings"', r'"packageVulnerabilityDetails"|inspector2'),
    _known("AWS Backup jobs", r'"BackupJobs"|"backupJobId"|"BackupJobId"'),
    _known("AWS Backup recovery points", r'"RecoveryPoints"|"RecoveryPointArn"'),
    _known("AWS Backup plans or vaults", r'"BackupPlansList"|"BackupVaultArn"|"BackupPlanArn"'),
    _known("VPC flow logs as JSON", r'"(?:srcaddr|srcAddr)"', r'"(?:dstaddr|dstAddr)"'),
    _known("Route 53 resolver query logs", r'"query_name"', r'"query_type"', r'"rcode"'),
    _known("an EventBridge event of another kind", r'"detail-type"', r'"source"\s*:\s*"aws\.'),
    _known("an Okta event hook", r"com\.okta\.event_hook"),
    _known(
        "an Okta System Log export",
        r'"published"',
        r'"(?:eventType|legacyEventType|eventtype)"',
        r'"actor"',
    ),
    _known("an Okta System Log export", r'"debugContext"|"authenticationContext"', r'"actor"'),
    _known("an Okta System Log as Log Analytics flattens it", r'"legacyEventType_s"|"actor_alternateId_s"'),
    _known("Auth0 tenant logs", r'"log_id"', r'"(?:client_id|tenant_name|strategy_type|user_agent)"'),
    _known(
        "Microsoft Entra sign-in logs",
        r'"appDisplayName"',
        r'"(?:conditionalAccessStatus|userPrincipalName)"',
    ),
    _known(
        "Microsoft Entra logs", r'"category"\s*:\s*"(?:SignInLogs|AuditLogs|NonInteractiveUserSignInLogs)"'
    ),
    _known("Microsoft Entra audit logs", r'"activityDisplayName"', r'"initiatedBy"'),
    _known("an Azure activity log", r'"operationName"', r'"resourceId"|"caller"|"eventTimestamp"'),
    _known("a Microsoft 365 audit log", r'"Workload"', r'"UserType"|"Operation"'),
    _known("Google Cloud audit logs", r'"protoPayload"|"insertId"', r'"logName"|"serviceName"'),
    _known("a Pub/Sub push message", r'"subscription"\s*:\s*"projects/', r'"message"'),
    _known("a Google Workspace activity report", r"admin#reports#activity"),
    _known("a Google Workspace activity report", r'"uniqueQualifier"', r'"applicationName"'),
    _known("Kubernetes audit events", r"audit\.k8s\.io|\"auditID\""),
    _known("Kubernetes audit events", r'"requestURI"', r'"verb"|"stage"'),
    _known("a Velero backup object", r"velero\.io/"),
    _known("a Kubernetes object", r'"apiVersion"', r'"kind"', r'"metadata"'),
    _known("a GitHub audit log", r'"_document_id"|"actor_location"'),
    _known(
        "a GitHub audit log", r'"action"\s*:\s*"[a-z_]+\.[a-z_]+"', r'"actor"', r'"org"|"repo"|"business"'
    ),
    _known(
        "a GitHub webhook", r'"sender"\s*:\s*\{', r'"(?:repository|organization|installation|enterprise)"'
    ),
    _known(
        "a GitLab webhook",
        r'"object_kind"|"event_name"',
        r'"(?:project(?:_id)?|group(?:_id)?|user_id|path_with_namespace)"',
    ),
    _known("GitLab audit events", r'"author_id"', r'"entity_type"'),
    _known(
        "a Bitbucket webhook",
        r'"repository"',
        r'"workspace"|"pullrequest"|"pullRequest"|bitbucket|"push"|"refChanges"',
    ),
    _known("a Bitbucket webhook", r'"eventKey"\s*:\s*"(?:repo|pr|mirror|diagnostics):'),
    _known("an Atlassian audit log", r'"attributes"', r'"action"\s*:\s*"[a-z_]+"', r'"actor"'),
    _known("CircleCI pipelines", r'"project_slug"'),
    _known("Jenkins builds", r'"(?:_class|_links|execNode)"', r"hudson|wfapi|job/"),
    _known("a CircleCI webhook", r'"happened_at"', r'"webhook"|"pipeline"'),
    _known("Jira webhooks or issues", r'"webhookEvent"|"issue_event_type_name"|/rest/api/\d/'),
    _known("a GitHub security advisory", r'"ghsa_id"'),
    _known("Docker events", r'"Type"', r'"Action"', r'"timeNano"'),
    _known("container log lines (json-file)", r'^\{"log":"', r'"stream":"std'),
    _known("a Trivy report", r'"SchemaVersion"', r'"ArtifactName"|"Results"|"Trivy"'),
    _known("a Grype report", r'"matches"', r'"vulnerability"|"grype"|"descriptor"'),
    _known("a SARIF report", r'"runs"', r'"tool"|sarif'),
    _known("a CycloneDX bill of materials", r'"bomFormat"'),
    _known("OpenTelemetry logs (OTLP)", r'"resourceLogs"'),
    _known("MongoDB logs", r'"t"\s*:\s*\{\s*"\$date"'),
    _known("PostgreSQL logs as JSON", r'"error_severity"|"backend_type"'),
    _known("MongoDB audit logs", r'"atype"', r'"ts"'),
    _known("osquery results", r'"hostIdentifier"|"calendarTime"|"unixTime"', r'"columns"|"snapshot"'),
    _known("Sysmon events", r"Microsoft-Windows-Sysmon"),
    _known("Windows events", r"Microsoft-Windows-|\"EventSourceName\"|\"EventRecordID\""),
    _known("Suricata events (EVE)", r'"event_type"', r'"flow_id"|"src_ip"'),
    _known(
        "CrowdStrike Falcon events",
        r'"(?:aid|cid|event_platform|eventCreationTime)"',
        r'"event_simpleName"|"metadata"',
    ),
    _known(
        "SentinelOne activities or threats",
        r'"(?:activityType|agentId|threatInfo|siteId)"',
        r'"accountId"',
    ),
    _known("Prometheus Alertmanager alerts", r'"(?:fingerprint|alertname)"', r'"startsAt"|"labels"'),
    _known("SCIM resources", r"urn:ietf:params:scim"),
    _known("a ServiceNow export", r'"sys_id"'),
    _known("rows of a Log Analytics table", r'"TenantId"', r'"TimeGenerated'),
    _known(
        "rows of a Log Analytics table",
        r'"[A-Za-z]+_[sdtgb]"\s*:',
        r'"TimeGenerated|"Type"\s*:\s*"\w+_CL"|_s"',
    ),
    _known("restic or borg messages", r'"message_type"|"archive_name"|"levelname"'),
    _known("Traefik access logs", r'"RouterName"|"RequestMethod"'),
    _known("Caddy access logs", r'"logger"\s*:\s*"http\.log'),
    _known("OCSF events", r'"class_uid"', r'"category_uid"'),
    _known("Elastic Common Schema documents", r'"@timestamp"', r'"(?:event|ecs|agent)"\s*:\s*\{'),
)

_TEXT: Final = (
    _known("a Nessus export", r'^"?Plugin ID"?,"?CVE|<NessusClientData'),
    _known("CEF lines", r"CEF:\d+\|"),
    _known("LEEF lines", r"LEEF:\d"),
    _known("VPC flow logs", r"^(?:version )?(?:account-id|\d+ \d{12} eni-|2 \S+ eni-)|^version account-id"),
    _known("VPC flow logs", r"^\S+ \S+ .*\b(?:ACCEPT|REJECT) (?:OK|NODATA|SKIPDATA)|\b- - NODATA"),
    _known("AWS load balancer access logs", r"^(?:https?|h2|grpcs?|wss?|tls) \S+ (?:app|net)/"),
    _known(
        "AWS load balancer access logs",
        r'^\d{4}-\d\d-\d\dT\S+ \S+ \d+\.\d+\.\d+\.\d+:\d+ .*"[A-Z]+ https?://',
    ),
    _known("S3 server access logs", r"^[0-9a-f]{64} \S+ \[\d\d/\w{3}/\d{4}:"),
    _known("CloudFront access logs", r"^#Fields: date time x-edge-location"),
    _known("Linux audit records", r"^(?:<\d+>.*)?type=\w+ msg=audit\("),
    _known("FortiGate logs", r"devname=\S+", r"logid="),
    _known("Palo Alto Networks logs", r",(?:TRAFFIC|THREAT|SYSTEM|CONFIG|GLOBALPROTECT|HIPMATCH|USERID),"),
    _known("Check Point logs", r"time=\d+\|hostname="),
    _known("SonicWall logs", r"id=firewall sn="),
    _known("Cisco logs", r"%(?:ASA|FTD|SEC|SYS|LINK|LINEPROTO|PIX|AUTHMGR|ISE|CISE)[\w-]*-\d-"),
    _known("pfSense filter logs", r"filterlog"),
    _known("OpenVPN status", r"^TITLE,OpenVPN"),
    _known(
        "PostgreSQL logs", r"\b(?:LOG|FATAL|ERROR|DETAIL|STATEMENT): +(?:\w)", r"\[\d+\]|UTC|CET|postgres"
    ),
    _known("pgBackRest logs", r"P\d\d +(?:INFO|WARN|ERROR|DETAIL): "),
    _known("MySQL or MariaDB logs", r"\[(?:Note|Warning|ERROR|System)\]|# Query_time:"),
    _known("SQL Server error logs", r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d +\w+ +"),
    _known("Bacula logs", r"-(?:dir|sd|fd) JobId \d+:"),
    _known("HAProxy logs", r"haproxy"),
    _known("web server access logs", r'^\S+ \S+ \S+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "'),
    _known(
        "web server error logs",
        r"^\[\w{3} \w{3} +\d+ [\d:.]+ \d{4}\] \[|^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#",
    ),
    _known("systemd journal export", r"^__CURSOR="),
    _known("OpenVPN logs", r"OpenVPN \d|TLS: Initial packet|AUTH_FAILED"),
    _known(
        "MongoDB logs",
        r"\b(?:CONTROL|NETWORK|STORAGE|REPL|ACCESS|COMMAND) +\[|\[(?:initandlisten|conn\d+|mongosMain)\]",
    ),
    _known("container runtime lines (CRI)", r"^\d{4}-\d\d-\d\dT\S+ std(?:out|err) [FP] "),
    _known("syslog frames with their length (octet counting)", r"\A\d+ <\d{1,3}>"),
    _known("syslog lines (RFC 5424)", r"^<\d{1,3}>1 \S+ "),
    _known("syslog lines (RFC 3164)", r"^<\d{1,3}>"),
    _known("syslog lines", r"^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ "),
    _known("an OpenVAS report", r"<report[^>]*(?:content_type|format_id)"),
    _known("a CycloneDX bill of materials", r"cyclonedx\.org/schema"),
    _known("syslog lines (ISO time)", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* \S+ [\w./-]+(?:\[\d+\])?: "),
    _known("a JUnit report", r"<testsuites?\b"),
    _known("Windows events as XML", r"schemas\.microsoft\.com/win/2004/08/events"),
    _known("an HTML page", r"<!DOCTYPE html|<html\b"),
    _known("an XML document", r"\A\s*<\?xml"),
    _known("key=value lines (logfmt)", r"^(?:\w+=(?:\"[^\"]*\"|\S+) ){3,}"),
)

_HISTORY: Final = re.compile(
    rb"^\W*Event name,Event time|^\W*(?:User name|Event ID),.*Event name", re.IGNORECASE
)


def unpacked_head(head: bytes) -> tuple[bytes, str]:
    """The start of the content, and `gzip of ` if it was packed."""
    if not head.startswith((GZIP, b"\xff\xfe", b"\xfe\xff")):
        return head[:HEAD], ""
    packed = head.startswith(GZIP)
    content = Unpacked(_Bytes(head))
    parts = b""
    while len(parts) < HEAD:
        got = content.read(HEAD)
        if not got:
            break
        parts += got
    return parts[:HEAD], "gzip of " if packed else ""


class _Bytes:
    def __init__(self, held: bytes) -> None:
        self._held = held

    def read(self, size: int) -> bytes:
        given, self._held = self._held[:size], self._held[size:]
        return given


def looks_like(head: bytes) -> str:
    """What a content that begins with `head` looks like, as the end of a sentence (`an Okta System Log export`)."""
    if not head.strip():
        return "an empty file"
    for magic, looks in _MAGIC:
        if head.startswith(magic):
            return looks
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"\x00" in head[:1024]:
        return "a binary file"
    as_json = text[:1] in (b"{", b"[") and re.match(rb'\{\s*["}]|\[\s*(?:[{\["\d\]]|true|false|null)', text)
    # A quoted member may lie in a string of JSON inside a message.
    searched = text.replace(b'\\"', b'"') if as_json else text
    for family in _JSON if as_json else _TEXT:
        if all(mark.search(searched) for mark in family.marks):
            return family.looks
    if as_json:
        return f"JSON of a kind that no source reads{_members(text)}"
    line = text.split(b"\n", 1)[0]
    if _HISTORY.search(line):
        return "CloudTrail's event history as a table, which lacks who acted: download it as JSON"
    if line.count(b",") >= 2 and re.match(rb'^"?[A-Za-z_][\w .\[\]()-]*"?,', line):
        return "a table (CSV) of a kind that no source reads"
    return "text of a kind that no source reads"


def _members(text: bytes) -> str:
    found = re.findall(rb'"([A-Za-z_$@][\w.$@-]{0,30})"\s*:', text[:4096])
    names = list(dict.fromkeys(name.decode() for name in found))[:4]
    return f" (members {', '.join(names)})" if names else ""
