"""From a CloudTrail record to an event: columns, status, second factor, and the whole OCSF document."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from evidence.ocsf.classes import VERSION, named
from evidence.ocsf.event import MISSING, Event
from evidence.ocsf.times import instant, rfc3339
from evidence.sources.aws import records
from evidence.sources.aws.operations import (
    API_ACTIVITY,
    CLASSES,
    KNOWN_API,
    Parameters,
    action_of,
    activity_by_name,
    service_of,
    target_in,
)
from evidence.sources.contract import EXCERPT, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from evidence.sources.aws.records import Identity, Record
    from evidence.sources.contract import Window

SLUG: Final = "aws"

INSIGHT: Final = "AwsCloudTrailInsight"
FEDERATED: Final = frozenset({"AssumedRole", "SAMLUser", "WebIdentityUser", "FederatedUser"})
FEDERATED_SIGN_IN: Final = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
STRONG_FACTORS: Final = {"TOTP": "otp", "WEBAUTHN": "webauthn", "SMARTCARD": "smart_card"}
"""The credential types of Identity Center that are a second factor, and the kind of factor that each is."""

UNNAMED_FACTOR: Final = "unnamed"
"""A second factor of which it is only said that it was used."""

_DEVICE_KINDS: Final = {"mfa": "otp", "sms-mfa": "sms", "u2f": "webauthn"}

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SERVICE_NAME: Final = re.compile(
    r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com)|AWS Internal", re.IGNORECASE
)
# A session name that is a person's: a mail address, or the id of a directory's user.
_DIRECTORY_USER: Final = re.compile(
    r"(?:[0-9a-f]{10}-)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE
)
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_SSO_ROLE: Final = "AWSReservedSSO_"

_PARAMETERS: Final = msgspec.json.Decoder(Parameters)
_sha256 = hashlib.sha256


class _Addresses(dict[str, str | None]):
    """Remembers which texts are addresses: a log repeats few of them."""

    def __missing__(self, text: str) -> str | None:
        if len(self) > 65_536:
            self.clear()
        found = self[text] = _address(text)
        return found


def _address(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return str(found)


_addresses: Final = _Addresses()


def event_of(raw: bytes, seq: int, record: Record, window: Window) -> Event | Rejected:
    """The event that a record tells of, or why it tells of none."""
    time = instant(record.eventTime)
    if time is None:
        return _no_time(raw, seq, record)
    if not window.earliest <= time <= window.latest:
        return Rejected(
            seq,
            "absurd_time",
            f"The event time {time:%Y-%m-%d} lies outside the window of {window.earliest:%Y-%m-%d} to"
            f" {window.latest:%Y-%m-%d}.",
            raw[:EXCERPT],
        )
    name = record.eventName
    if not name:
        if record.eventType != INSIGHT and record.insightDetails is UNSET:
            return Rejected(seq, "no_action", "The record has no eventName.", raw[:EXCERPT])
        return _insight(raw, seq, record, time)
    action = action_of(name)
    service = service_of(record.eventSource)
    fallback = False
    known = CLASSES.get(action)
    if known is not None and (service in known[0] or not service):
        class_uid, activity_id = known[1], known[2]
    elif service == "backup" and record.eventType == "AwsServiceEvent":
        class_uid, activity_id = 1006, 99
    else:
        class_uid = API_ACTIVITY
        activity_id = activity_by_name(action, read_only(record))
        fallback = action not in KNOWN_API
    identity = record.userIdentity
    uid = _uid(record.eventID) or canonical_hash(raw)
    address = record.sourceIPAddress
    event = Event(
        SLUG,
        time,
        uid,
        class_uid,
        activity_id,
        _status(record, name, class_uid),
        1,
        actor_of(record, identity),
        action,
        _target(record, action),
        _addresses[address] if type(address) is str else None,
        _occurrence(record, identity, action, time) or uid.hex(),
        _sha256(raw).digest()[:8],
        seq,
        raw,
        record,
        FALLBACK if fallback else READER,
    )
    if b"\\u0000" in raw:
        clean_columns(event)
    return event


def _no_time(raw: bytes, seq: int, record: Record) -> Rejected:
    if record.eventTime is None or record.eventTime == "":
        if record.eventName is None and record.eventVersion is None and record.eventID is None:
            return Rejected(
                seq, "not_cloudtrail", f"This is no CloudTrail record: {_keys(raw)}.", raw[:EXCERPT]
            )
        reason = "The record has no eventTime, so it cannot be placed in a period."
    else:
        said = str(record.eventTime)[:40]
        reason = f'The eventTime "{said}" is no instant, so the record cannot be placed in a period.'
    return Rejected(seq, "no_time", reason, raw[:EXCERPT])


def _keys(raw: bytes) -> str:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "it cannot be decoded"
    if not isinstance(found, dict):
        return "it is no object"
    names = [str(name)[:30] for name in list(found)[:5]]
    return f"it has the fields {', '.join(names)}" if names else "it is an empty object"


def _insight(raw: bytes, seq: int, record: Record, time: datetime) -> Event:
    details = records.blob(record.insightDetails)
    uid = _uid(record.eventID) or canonical_hash(raw)
    shared = _uid(record.sharedEventID)
    about = [part for part in (details.get("eventSource"), details.get("eventName")) if isinstance(part, str)]
    kind = details.get("insightType")
    event = Event(
        SLUG,
        time,
        uid,
        2004,
        3 if details.get("state") == "End" else 1,
        0,
        1,
        "",
        kind if isinstance(kind, str) and kind else INSIGHT,
        "/".join(about),
        None,
        (shared or uid).hex(),
        _sha256(raw).digest()[:8],
        seq,
        raw,
        record,
        READER,
    )
    if b"\\u0000" in raw:
        clean_columns(event)
    return event


def clean_columns(event: Event) -> None:
    """Columns are text of a database, which holds no NUL; the record itself is kept as it came."""
    for column in ("actor_key", "action", "target_key", "occurrence_key"):
        setattr(event, column, getattr(event, column).replace("\x00", "\ufffd"))


def canonical_hash(raw: bytes) -> bytes:
    """16 bytes that are equal for records that say the same, however they are spaced and ordered."""
    try:
        content = canonical(raw)
    except ValueError:
        content = raw
    return _sha256(content).digest()[:16]


def canonical(raw: bytes) -> bytes:
    """The record in one spelling: members sorted, no white space.

    Raises:
        ValueError: it cannot be decoded.
    """
    try:
        found = msgspec.json.decode(raw)
        return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _uid(text: str | None) -> bytes | None:
    """The id's 16 bytes if it has the documented form (a UUID); edited samples carry `1` or `EXAMPLE…`."""
    if text is None or len(text) != 36 or _UUID.fullmatch(text) is None:
        return None
    return bytes.fromhex(text.replace("-", ""))


def read_only(record: Record) -> bool | None:
    """`readOnly` as AWS says it, also as text; `None` if it does not say."""
    said = record.readOnly
    if isinstance(said, bool):
        return said
    if isinstance(said, str):
        return {"true": True, "false": False}.get(said.lower())
    return None


# -- who ------------------------------------------------------------------------------------------


def actor_of(record: Record, identity: Identity | None) -> str:
    """The actor's key: Identity Center user, IAM principal, or the person behind a role's session, else the role."""
    if identity is None:
        return ""
    if identity.onBehalfOf is not None and identity.onBehalfOf.userId:
        return identity.onBehalfOf.userId
    kind = identity.type
    if kind == "AssumedRole":
        return _role_actor(identity)
    if kind in ("SAMLUser", "WebIdentityUser"):
        return _federated_actor(record, identity)
    if kind == "AWSService" or (kind is None and identity.invokedBy):
        return identity.invokedBy or identity.principalId or ""
    if kind == "Root":
        return identity.principalId or identity.accountId or identity.arn or ""
    named = identity.principalId or identity.arn or identity.userName
    if named:
        return named
    if kind in ("Unknown", "IdentityCenterUser"):
        user = records.blob(record.additionalEventData).get("UserName")
        if isinstance(user, str):
            return user
    return identity.accountId or identity.invokedBy or ""


def _role_actor(identity: Identity) -> str:
    session = identity.sessionContext
    if session is not None and session.sourceIdentity:
        return session.sourceIdentity
    role, _, name = (identity.principalId or "").partition(":")
    arn = identity.arn or ""
    if not name and ":assumed-role/" in arn:
        name = arn.rpartition("/")[2]
    if name and is_person(name, arn):
        return name
    if role and role != name:
        return role
    issuer = session.sessionIssuer if session is not None else None
    if issuer is not None:
        return issuer.principalId or issuer.arn or issuer.userName or ""
    return role or arn or identity.userName or identity.accountId or ""


def _federated_actor(record: Record, identity: Identity) -> str:
    answer = records.blob(record.responseElements)
    source = answer.get("sourceIdentity")
    if isinstance(source, str) and source:
        return source
    name = records.blob(record.requestParameters).get("roleSessionName")
    if isinstance(name, str) and is_person(name, ""):
        return name
    if identity.type == "SAMLUser" and identity.userName:
        return identity.userName
    return identity.principalId or identity.userName or ""


def is_person(session_name: str, arn: str) -> bool:
    """Whether a role session's name is a person's: a mail address, a directory's user id, or, for a role of
    Identity Center, the user's name there (which is what it gives as the session's name).
    """
    if _MAIL.fullmatch(session_name) or _DIRECTORY_USER.fullmatch(session_name):
        return True
    return f"/{_SSO_ROLE}" in arn


def role_of(record: Record) -> tuple[str, str, str]:
    """`(role id, role ARN, session name)` of the role session that a record is made by, each empty if unsaid."""
    identity = record.userIdentity
    if identity is None or identity.type != "AssumedRole":
        return "", "", ""
    role, _, name = (identity.principalId or "").partition(":")
    issuer = identity.sessionContext.sessionIssuer if identity.sessionContext is not None else None
    if issuer is not None:
        role = issuer.principalId or role
    if not name:
        name = (identity.arn or "").rpartition("/")[2]
    arn = issuer.arn if issuer is not None and issuer.arn else _role_arn(identity.arn)
    return role, arn, name


def _role_arn(session_arn: str | None) -> str:
    """The role's ARN from its session's (a role's path is not in it)."""
    parts = (session_arn or "").split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("assumed-role/"):
        return ""
    return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"


def assumed_role(record: Record) -> tuple[str, str, str]:
    """`(role id, role ARN, session name)` of the session that a call to STS handed out."""
    answer = records.blob(record.responseElements)
    user = answer.get("assumedRoleUser")
    user = user if isinstance(user, dict) else {}
    role, _, name = _plain_text(user.get("assumedRoleId")).partition(":")
    arn = _plain_text(records.blob(record.requestParameters).get("roleArn")) or _role_arn(
        _plain_text(user.get("arn"))
    )
    return role, arn, name


def _plain_text(value: object) -> str:
    return value if isinstance(value, str) else ""


# -- what came of it ---------------------------------------------------------------------------------


def _status(record: Record, name: str, class_uid: int) -> int:
    if record.errorCode:
        return 2
    if class_uid != 3002:
        return 1
    for held in (record.responseElements, record.serviceEventDetails):
        said = records.blob(held).get(name)
        if said == "Success":
            return 1
        if said == "Failure":
            return 2
    if name in ("ConsoleLogin", "SwitchRole", "ExitRole", "UserAuthentication", "CredentialVerification"):
        # A sign-in tells its outcome; one that does not is neither.
        return 2 if isinstance(record.errorMessage, str) and record.errorMessage else 0
    return 1


def _target(record: Record, action: str) -> str:
    if record.resources:
        for resource in record.resources:
            if resource is not None:
                found = resource.ARN or resource.arn
                if found:
                    return found
    held = record.requestParameters
    if held is UNSET or len(held) < 8:
        return ""
    try:
        return target_in(action, _PARAMETERS.decode(held))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _occurrence(record: Record, identity: Identity | None, action: str, time: datetime) -> str:
    """One key for one occurrence that two events tell of; empty if the event's own id is the key.

    A federated console sign-in and the `AssumeRoleWith…` before it are one: the session's credentials were
    issued in the second of that call. Where the two differ by more, the proofs `role_session` tell (§ proofs).
    """
    if action in FEDERATED_SIGN_IN:
        role, _, name = assumed_role(record)
        if role and name:
            return f"aws-role-session:{role}:{name}:{int(time.timestamp())}"
    elif action == "ConsoleLogin" and identity is not None and identity.type == "AssumedRole":
        role, _, name = role_of(record)
        session = identity.sessionContext
        issued = instant(session.attributes.creationDate) if session and session.attributes else None
        if role and name:
            return f"aws-role-session:{role}:{name}:{int((issued or time).timestamp())}"
    shared = _uid(record.sharedEventID)
    return shared.hex() if shared is not None else ""


def second_factor_said(event: Event) -> object:
    """What this record alone says of a second factor: true, false, or `MISSING` where it is no evidence (R01)."""
    record: Record = event.record
    if event.class_uid != 3002:
        return MISSING
    identity = record.userIdentity
    kind = identity.type if identity is not None else None
    action = event.action
    if action == "ConsoleLogin":
        more = records.blob(record.additionalEventData)
        said = more.get("MFAUsed")
        if said == "Yes":
            return True
        # For a federated user AWS sees no factor: it was used at the identity provider, if at all.
        federated = kind in FEDERATED or "SamlProviderArn" in more
        return False if said == "No" and not federated else MISSING
    if action in ("AssumeRole", "SwitchRole", "GetSessionToken", "GetFederationToken"):
        if action != "SwitchRole" and records.blob(record.requestParameters).get("serialNumber"):
            return True if event.status_id == 1 else MISSING
        session = caller_factor(identity)
        # A role's session does not know what stood before it; other events tell.
        return MISSING if session is False and kind != "IAMUser" and kind != "Root" else session
    if action == "UserAuthentication":
        return True if STRONG_FACTORS.keys() & set(credential_types(record)) else MISSING
    return MISSING


def factors_said(event: Event) -> tuple[str, ...] | Any:
    """The kinds of second factor that this record alone tells of: `()` for none, `MISSING` for no evidence.

    A kind is `otp`, `sms`, `smart_card`, `webauthn`, or `unnamed` where the record tells of a factor and not
    of which: the device behind `mfaAuthenticated`, and mostly that behind `MFAUsed`, is not named.
    """
    said = second_factor_said(event)
    if said is not True:
        return MISSING if said is MISSING else ()
    record: Record = event.record
    if event.action == "UserAuthentication":
        return factor_kinds(credential_types(record))
    if event.action == "ConsoleLogin":
        return (_device_kind(text_of(record.additionalEventData, "MFAIdentifier")),)
    return (_device_kind(text_of(record.requestParameters, "serialNumber")),)


def factor_kinds(types: Iterable[str]) -> tuple[str, ...]:
    """The kinds of the second factors among the credential types of an Identity Center sign-in."""
    return tuple(sorted({STRONG_FACTORS[one] for one in types if one in STRONG_FACTORS}))


def _device_kind(serial: str) -> str:
    """The kind of an MFA device by its ARN (`arn:aws:iam::…:u2f/…`) or a hardware token's serial number."""
    if not serial:
        return UNNAMED_FACTOR
    if not serial.startswith("arn:"):
        return "otp"
    return _DEVICE_KINDS.get(serial.rsplit(":", 1)[-1].split("/", 1)[0], UNNAMED_FACTOR)


def caller_factor(identity: Identity | None) -> bool | Any:
    """`mfaAuthenticated` of the caller's session: true, false, or `MISSING`."""
    if identity is None or identity.sessionContext is None or identity.sessionContext.attributes is None:
        return MISSING
    said = identity.sessionContext.attributes.mfaAuthenticated
    if isinstance(said, bool):
        return said
    return {"true": True, "false": False}.get(said.lower(), MISSING) if isinstance(said, str) else MISSING


def credential_types(record: Record) -> list[str]:
    """The credential types of an Identity Center sign-in event (`PASSWORD,TOTP`)."""
    said = records.blob(record.additionalEventData).get("CredentialType")
    return [part.strip().upper() for part in said.split(",")] if isinstance(said, str) and said else []


def temporary_key(identity: Identity | None) -> str | None:
    """The access key id of temporary credentials, which names the session."""
    key = identity.accessKeyId if identity is not None else None
    if not key:
        return None
    if key.startswith("ASIA"):
        return key
    # Edited samples have keys of other forms: a session's context shows temporary credentials too.
    return (
        key
        if not key.startswith("AKIA") and identity is not None and identity.sessionContext is not None
        else None
    )


# -- reading one field, and the document -----------------------------------------------------------------


def _or_missing(value: str | UnsetType | None) -> object:
    return MISSING if value is UNSET or value is None or value == "" else value


def _kept(value: object) -> object:
    return MISSING if value is UNSET else value


def _of_identity(name: str) -> Callable[[Event], object]:
    def read(event: Event) -> object:
        identity = event.record.userIdentity
        return _or_missing(getattr(identity, name)) if identity is not None else MISSING

    return read


def _of_record(name: str) -> Callable[[Event], object]:
    return lambda event: _or_missing(getattr(event.record, name))


def _source_address(event: Event) -> object:
    """Null where the caller is a service (there is no address), `MISSING` where nothing was sent."""
    return event.src_ip if event.record.sourceIPAddress is not UNSET else MISSING


def _session_uid(event: Event) -> object:
    return temporary_key(event.record.userIdentity) or MISSING


_QUICK: Final[dict[str, Callable[[Event], object]]] = {
    "src_ip": _source_address,
    "is_mfa": second_factor_said,
    "session.uid": _session_uid,
    "actor.session.uid": _session_uid,
    "actor.session.is_mfa": lambda event: caller_factor(event.record.userIdentity),
    "actor.user.type": _of_identity("type"),
    "actor.user.uid": _of_identity("principalId"),
    "actor.user.uid_alt": _of_identity("arn"),
    "actor.user.name": _of_identity("userName"),
    "actor.user.account.uid": _of_identity("accountId"),
    "actor.invoked_by": _of_identity("invokedBy"),
    "api.service.name": _of_record("eventSource"),
    "api.operation": _of_record("eventName"),
    "cloud.region": _of_record("awsRegion"),
    "cloud.account.uid": _of_record("recipientAccountId"),
    "http_request.user_agent": lambda event: _kept(event.record.userAgent),
    "status_code": lambda event: event.record.errorCode or "Success",
    "status_detail": lambda event: _kept(event.record.errorMessage),
    "unmapped.readOnly": lambda event: _kept(event.record.readOnly),
    "type_uid": lambda event: event.class_uid * 100 + event.activity_id,
}

# Fields that stand whole under an OCSF name; all others stay under `unmapped`.
_MAPPED: Final = frozenset(
    {
        "eventVersion",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
        "errorMessage",
        "requestID",
        "eventID",
        "recipientAccountId",
        "apiVersion",
    }
)


class CloudTrailReader:
    """Reads CloudTrail events; `fallback` marks an operation that the table does not know."""

    def __init__(self, *, fallback: bool) -> None:
        """One reader serves all events of its kind."""
        self.fallback = fallback
        self.quick: Mapping[str, Callable[[Event], object]] = _QUICK

    def full(self, event: Event) -> dict[str, Any]:
        """The OCSF document; see `Event.full`."""
        found = records.plain(event.raw)
        record: Record = event.record
        document: dict[str, Any] = {
            **named(event.class_uid, event.activity_id, event.status_id, event.severity_id, _other(event)),
            "time": rfc3339(event.time),
            "status_code": record.errorCode or "Success",
            "metadata": _metadata(found, event),
            "cloud": _present(
                provider="AWS",
                region=found.get("awsRegion"),
                account=_present(uid=found.get("recipientAccountId")) or None,
            ),
            "api": _api(found),
            "actor": _actor(found, record),
            "src_endpoint": _endpoint(found, event),
            "unmapped": {name: value for name, value in found.items() if name not in _MAPPED},
        }
        if "errorMessage" in found:
            document["status_detail"] = found["errorMessage"]
        if "userAgent" in found:
            document["http_request"] = {"user_agent": found["userAgent"]}
        listed = found.get("resources")
        if isinstance(listed, list):
            document["resources"] = [_resource(one) for one in listed if isinstance(one, dict)]
        elif event.target_key:
            document["resources"] = [{"name": event.target_key}]
        factor = second_factor_said(event)
        if factor is not MISSING:
            document["is_mfa"] = factor
        session = document["actor"].get("session")
        if session:
            document["session"] = session
        _subjects(document, event)
        if self.fallback:
            document["unmapped"]["fallback"] = True
        if event.class_uid == 1006:
            document["unmapped"]["kind"] = "backup"
        return document


def _other(event: Event) -> str:
    return "Run" if event.class_uid == 1006 else event.action


def _present(**named_values: object) -> dict[str, Any]:
    return {name: value for name, value in named_values.items() if value is not None and value != ""}


def _metadata(found: dict[str, Any], event: Event) -> dict[str, Any]:
    category = found.get("eventCategory")
    return _present(
        version=VERSION,
        product=_present(
            name="CloudTrail", vendor_name="AWS", feature=_present(name=category) if category else None
        ),
        uid=found.get("eventID") or event.uid.hex(),
        event_code=found.get("eventName") or found.get("eventType"),
        log_version=found.get("eventVersion"),
        original_time=str(found.get("eventTime")),
        correlation_uid=found.get("sharedEventID"),
        profiles=["cloud"],
    )


def _api(found: dict[str, Any]) -> dict[str, Any]:
    return _present(
        operation=found.get("eventName"),
        service=_present(name=found.get("eventSource")) or None,
        version=found.get("apiVersion"),
        request=_present(uid=found.get("requestID")) or None,
        response=_present(error=found.get("errorCode"), error_message=found.get("errorMessage")) or None,
    )


def _actor(found: dict[str, Any], record: Record) -> dict[str, Any]:
    identity = record.userIdentity
    if identity is None:
        return {}
    context = identity.sessionContext
    attributes = context.attributes if context is not None else None
    issuer = context.sessionIssuer if context is not None else None
    key = temporary_key(identity)
    factor = caller_factor(identity)
    held = found.get("userIdentity")
    return _present(
        user=_present(
            type=identity.type,
            uid=identity.principalId,
            uid_alt=identity.arn,
            name=identity.userName,
            account=_present(uid=identity.accountId) or None,
            credential_uid=identity.accessKeyId,
            directory_uid=identity.onBehalfOf.userId if identity.onBehalfOf is not None else None,
        )
        or None,
        session=_present(
            uid=key,
            created_time=attributes.creationDate if attributes is not None else None,
            is_mfa=None if factor is MISSING else factor,
            issuer=(issuer.arn or issuer.principalId) if issuer is not None else None,
            credential_uid=held.get("credentialId") if isinstance(held, dict) else None,
        )
        or None,
        invoked_by=identity.invokedBy,
        idp=_present(name=identity.identityProvider) or None,
    )


def _endpoint(found: dict[str, Any], event: Event) -> dict[str, Any]:
    said = found.get("sourceIPAddress")
    if event.src_ip is not None:
        return _present(ip=event.src_ip, vpc_endpoint_uid=found.get("vpcEndpointId"))
    if isinstance(said, str) and said:
        return {"svc_name": said} if _SERVICE_NAME.fullmatch(said) else {"name": said}
    return {}


def _resource(one: dict[str, Any]) -> dict[str, Any]:
    account = one.get("accountId")
    return _present(
        uid=one.get("ARN") or one.get("arn"),
        type=one.get("type"),
        owner={"account": {"uid": account}} if account else None,
    )


def _subjects(document: dict[str, Any], event: Event) -> None:
    """The object that the class is about: who signed in, whose account or rights changed, which group."""
    if event.class_uid == 3002:
        user = document["actor"].get("user")
        if user:
            document["user"] = user
    elif event.class_uid in (3001, 3005):
        if event.target_key:
            document["user"] = {"name": event.target_key}
    elif event.class_uid == 3006:
        parameters = document["unmapped"].get("requestParameters")
        if isinstance(parameters, dict):
            if parameters.get("groupName"):
                document["group"] = {"name": parameters["groupName"]}
            if parameters.get("userName"):
                document["user"] = {"name": parameters["userName"]}


READER: Final = CloudTrailReader(fallback=False)
FALLBACK: Final = CloudTrailReader(fallback=True)


def text_of(raw: Raw | UnsetType, name: str) -> str:
    """A text member of a parameter field, empty if there is none."""
    found = records.blob(raw).get(name)
    return found if isinstance(found, str) else ""
