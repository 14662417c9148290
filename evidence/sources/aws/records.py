"""The fields of a CloudTrail record that columns and proofs need, decoded without the rest of the record.

AWS CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element".
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from evidence.sources.documents import too_deep

Text: TypeAlias = str | None


class Attributes(Struct, gc=False):
    """`userIdentity.sessionContext.attributes`."""

    creationDate: Text = None
    mfaAuthenticated: str | bool | None = None


class Issuer(Struct, gc=False):
    """`userIdentity.sessionContext.sessionIssuer`: the role or user behind temporary credentials."""

    type: Text = None
    principalId: Text = None
    arn: Text = None
    accountId: Text = None
    userName: Text = None


class Session(Struct, gc=False):
    """`userIdentity.sessionContext`: there only for temporary credentials."""

    attributes: Attributes | None = None
    sessionIssuer: Issuer | None = None
    sourceIdentity: Text = None


class OnBehalfOf(Struct, gc=False):
    """`userIdentity.onBehalfOf`: the Identity Center user."""

    userId: Text = None
    identityStoreArn: Text = None


class Identity(Struct, gc=False):
    """`userIdentity`."""

    type: Text = None
    principalId: Text = None
    arn: Text = None
    accountId: Text = None
    accessKeyId: Text = None
    userName: Text = None
    invokedBy: Text = None
    identityProvider: Text = None
    sessionContext: Session | None = None
    onBehalfOf: OnBehalfOf | None = None


class Resource(Struct, gc=False):
    """One of `resources`."""

    ARN: Text = None
    arn: Text = None
    type: Text = None


class Record(Struct, gc=False):
    """One object of a delivery: a record, or one of the wrappings around records."""

    eventVersion: Text = None
    userIdentity: Identity | None = None
    eventTime: str | int | float | None = None
    eventSource: Text = None
    eventName: Text = None
    awsRegion: Text = None
    sourceIPAddress: str | UnsetType | None = UNSET
    userAgent: str | UnsetType | None = UNSET
    errorCode: Text = None
    errorMessage: str | UnsetType | None = UNSET
    requestParameters: Raw | UnsetType = UNSET
    responseElements: Raw | UnsetType = UNSET
    additionalEventData: Raw | UnsetType = UNSET
    resources: list[Resource | None] | None = None
    eventID: Text = None
    readOnly: bool | str | UnsetType | None = UNSET
    eventType: Text = None
    recipientAccountId: Text = None
    sharedEventID: Text = None
    serviceEventDetails: Raw | UnsetType = UNSET
    insightDetails: Raw | UnsetType = UNSET
    eventData: Raw | UnsetType = UNSET

    # What wraps records, or looks like one (`evidence.sources.aws.wrappings`).
    Records: Raw | UnsetType = UNSET
    Events: Raw | UnsetType = UNSET
    logEvents: Raw | UnsetType = UNSET
    messageType: Raw | UnsetType = UNSET
    detail: Raw | UnsetType = UNSET
    CloudTrailEvent: Raw | UnsetType = UNSET
    eventJson: Raw | UnsetType = UNSET
    QueryResultRows: Raw | UnsetType = UNSET
    Messages: Raw | UnsetType = UNSET
    Message: Raw | UnsetType = UNSET
    Body: Raw | UnsetType = UNSET
    body: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET
    event: Raw | UnsetType = UNSET
    Sns: Raw | UnsetType = UNSET
    kinesis: Raw | UnsetType = UNSET
    awslogs: Raw | UnsetType = UNSET
    records: Raw | UnsetType = UNSET
    auditEvents: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    s3: Raw | UnsetType = UNSET
    s3Bucket: Raw | UnsetType = UNSET
    digestS3Object: Raw | UnsetType = UNSET
    UserDetailList: Raw | UnsetType = UNSET
    GroupDetailList: Raw | UnsetType = UNSET
    RoleDetailList: Raw | UnsetType = UNSET
    Policies: Raw | UnsetType = UNSET
    Content: Raw | UnsetType = UNSET


_RECORD: Final = msgspec.json.Decoder(Record)
_DICT: Final = msgspec.json.Decoder(dict[str, Any])

# Names of the fields in their documented spelling, by their lower-case form: Athena and Lake fold case.
_NAMES: Final = {
    name.lower(): name
    for name in (
        "eventVersion",
        "userIdentity",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
        "errorMessage",
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "requestID",
        "eventID",
        "readOnly",
        "resources",
        "eventType",
        "apiVersion",
        "managementEvent",
        "recipientAccountId",
        "sharedEventID",
        "vpcEndpointId",
        "vpcEndpointAccountId",
        "serviceEventDetails",
        "insightDetails",
        "eventCategory",
        "tlsDetails",
        "sessionCredentialFromConsole",
        "addendum",
        "edgeDeviceDetails",
        "type",
        "principalId",
        "arn",
        "accountId",
        "accessKeyId",
        "userName",
        "invokedBy",
        "identityProvider",
        "credentialId",
        "sessionContext",
        "attributes",
        "creationDate",
        "mfaAuthenticated",
        "sessionIssuer",
        "sourceIdentity",
        "webIdFederationData",
        "federatedProvider",
        "onBehalfOf",
        "userId",
        "identityStoreArn",
        "eventData",
    )
}

# Columns under which log stores keep parts of a record, and where those parts belong.
_PARTS: Final = {
    "useridentitytype": "userIdentity.type",
    "useridentityprincipalid": "userIdentity.principalId",
    "useridentityarn": "userIdentity.arn",
    "useridentityaccountid": "userIdentity.accountId",
    "useridentityaccesskeyid": "userIdentity.accessKeyId",
    "useridentityusername": "userIdentity.userName",
    "useridentityinvokedby": "userIdentity.invokedBy",
    "sessionmfaauthenticated": "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "sessioncreationdate": "userIdentity.sessionContext.attributes.creationDate",
    "sessionissuertype": "userIdentity.sessionContext.sessionIssuer.type",
    "sessionissuerprincipalid": "userIdentity.sessionContext.sessionIssuer.principalId",
    "sessionissuerarn": "userIdentity.sessionContext.sessionIssuer.arn",
    "sessionissueraccountid": "userIdentity.sessionContext.sessionIssuer.accountId",
    "sessionissuerusername": "userIdentity.sessionContext.sessionIssuer.userName",
    "sourceipaddress": "sourceIPAddress",
    "eventtypename": "eventType",
    "awseventid": "eventID",
    "username": "userIdentity.userName",
    "accesskeyid": "userIdentity.accessKeyId",
    "principalid": "userIdentity.principalId",
}

_BLOBS: Final = frozenset(
    {
        "userIdentity",
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "serviceEventDetails",
        "insightDetails",
        "resources",
        "tlsDetails",
        "eventData",
        "addendum",
    }
)


class NoObject(ValueError):
    """The record is JSON but no object (nor a row of a query's result)."""


def decode(raw: bytes) -> Record:
    """The record's fields; a record in another form (folded names, rows, text for numbers) is brought into shape.

    Raises:
        NoObject: it is no object.
        ValueError: it cannot be decoded.
    """
    try:
        found = _RECORD.decode(raw)
    except msgspec.ValidationError:
        return from_plain(plain(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return finished(raw, found)


def finished(raw: bytes, found: Record) -> Record:
    """The same record, or, where its names are folded or its fields lie deeper, one brought into shape."""
    if found.eventName is None and (found.eventTime is None or found.eventData is not UNSET):
        return from_plain(plain(raw))
    if found.userIdentity is None and _FLAT.search(raw) is not None:
        return from_plain(plain(raw))
    return found


def plain(raw: bytes) -> dict[str, Any]:
    """The whole record as a dictionary, in CloudTrail's own names.

    Raises:
        NoObject: it is no object.
        ValueError: it cannot be decoded.
    """
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if isinstance(found, list):
        found = row(found)
    if not isinstance(found, dict):
        raise NoObject
    usual = (
        "eventName" in found and "eventTime" in found and isinstance(found.get("userIdentity"), dict | None)
    )
    if usual and not any(map(_FLAT_NAME.match, found)):
        return found
    return _shaped(found)


def row(found: list[Any]) -> object:
    """A row of a query's result: a list of maps of one column each."""
    row: dict[str, Any] = {}
    for cell in found:
        if not isinstance(cell, dict):
            return found
        row.update({cell["key"]: cell["value"]} if cell.keys() == {"key", "value"} else cell)
    return row or found


def _shaped(found: dict[str, Any]) -> dict[str, Any]:
    """Folded, dotted and flattened names put back into the documented form; unknown names stay."""
    if not found.get("eventName") and isinstance(found.get("eventJson"), str):
        inner = _structure(found["eventJson"])
        if isinstance(inner, dict):
            return inner
    shaped: dict[str, Any] = {}
    for name, value in found.items():
        path = _path(name)
        held = path[0] in _BLOBS and isinstance(value, str)
        _put(shaped, path, _structure(value) if held else value)
    inner = shaped.get("eventData")
    if isinstance(inner, dict) and not shaped.get("eventName"):
        # An event from outside AWS, as CloudTrail Lake keeps it: its own fields lie below eventData.
        rest = {name: value for name, value in shaped.items() if name != "eventData"}
        shaped = {**_shaped(inner), **rest}
        shaped.setdefault("eventID", inner.get("UID"))
    if "eventTime" not in shaped and found.get("eventName") is None and "TimeGenerated" in found:
        shaped["eventTime"] = found["TimeGenerated"]
    return shaped


def _path(name: str) -> list[str]:
    folded = name.lower()
    if folded in _PARTS:
        return _PARTS[folded].split(".")
    parts = name.split(".") if "." in name else [name]
    head = _NAMES.get(parts[0].lower(), parts[0])
    if len(parts) == 1:
        return [head]
    if head != "userIdentity":
        return [head, *parts[1:]] if head in _BLOBS else [name]
    return [head, *(_NAMES.get(part.lower(), part) for part in parts[1:])]


def _put(into: dict[str, Any], path: list[str], value: object) -> None:
    for part in path[:-1]:
        below = into.setdefault(part, {})
        if not isinstance(below, dict):
            return
        into = below
    last = path[-1]
    if last == "userIdentity" and isinstance(value, dict):
        value = _renamed(value)
    if isinstance(value, dict) and isinstance(into.get(last), dict):
        into[last].update(value)
    else:
        into[last] = value


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {_NAMES.get(name.lower(), name): _renamed(below) for name, below in value.items()}
    return value


def _structure(text: str) -> object:
    """What a text column holds: JSON, or a query engine's `{name=value, …}`; else the text itself."""
    stripped = text.strip()
    if not stripped or stripped.lower() == "null":
        return None
    if stripped[0] not in "{[":
        return text
    if too_deep(stripped.encode("utf-8", "surrogatepass")):
        return text
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass
    try:
        found, end = _braces(stripped, 0, 0)
    except (ValueError, IndexError):
        return text
    return found if end == len(stripped) else text


# The actor's fields in columns of their own.
_FLAT: Final = re.compile(rb'"user_?identity[._a-z]', re.IGNORECASE)
_FLAT_NAME: Final = re.compile(r"user_?identity[._a-z]", re.IGNORECASE)

_WORD: Final = re.compile(r"[^={}\[\],]+")
_VALUE: Final = re.compile(r"[^,}\]]*(?:,(?!\s*[^={}\[\],]+=)[^,}\]]*)*")


def _braces(text: str, at: int, depth: int) -> tuple[object, int]:
    if depth > 20:
        raise ValueError(text)
    if text[at] == "{":
        made: dict[str, object] = {}
        at += 1
        while text[at] != "}":
            name = _WORD.match(text, at)
            if name is None or text[name.end()] != "=":
                raise ValueError(text)
            made[name[0].strip()], at = _braces(text, name.end() + 1, depth + 1)
            if text[at] == ",":
                at += 1
                while text[at] == " ":
                    at += 1
        return made, at + 1
    if text[at] == "[":
        listed: list[object] = []
        at += 1
        while text[at] != "]":
            element, at = _braces(text, at, depth + 1)
            listed.append(element)
            if text[at] == ",":
                at += 1
                while text[at] == " ":
                    at += 1
        return listed, at + 1
    # A value runs to the comma before the next name, or to the closing brace.
    found = _VALUE.match(text, at)
    end = found.end() if found else at
    word = text[at:end].strip()
    return (None if word == "null" else word), end


def from_plain(found: dict[str, Any]) -> Record:
    """A `Record` from a dictionary: what has the wrong type is left out, never an error."""
    identity = found.get("userIdentity")
    return Record(
        eventVersion=_text(found.get("eventVersion")),
        userIdentity=_identity(identity) if isinstance(identity, dict) else None,
        eventTime=_time(found.get("eventTime")),
        eventSource=_text(found.get("eventSource")),
        eventName=_text(found.get("eventName")),
        awsRegion=_text(found.get("awsRegion")),
        sourceIPAddress=_set(found, "sourceIPAddress"),
        userAgent=_set(found, "userAgent"),
        errorCode=_text(found.get("errorCode")),
        errorMessage=_set(found, "errorMessage"),
        requestParameters=_raw(found, "requestParameters"),
        responseElements=_raw(found, "responseElements"),
        additionalEventData=_raw(found, "additionalEventData"),
        resources=_resources(found.get("resources")),
        eventID=_text(found.get("eventID")),
        readOnly=_flag(found),
        eventType=_text(found.get("eventType")),
        recipientAccountId=_text(found.get("recipientAccountId")),
        sharedEventID=_text(found.get("sharedEventID")),
        serviceEventDetails=_raw(found, "serviceEventDetails"),
        insightDetails=_raw(found, "insightDetails"),
    )


def _text(value: object) -> Text:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _time(value: object) -> str | int | float | None:
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _set(found: dict[str, Any], name: str) -> str | UnsetType | None:
    return _text(found[name]) if name in found else UNSET


def _flag(found: dict[str, Any]) -> bool | str | UnsetType | None:
    if "readOnly" not in found:
        return UNSET
    value = found["readOnly"]
    return value if isinstance(value, bool | str) else None


def _raw(found: dict[str, Any], name: str) -> Raw | UnsetType:
    return Raw(msgspec.json.encode(found[name])) if name in found else UNSET


def _resources(value: object) -> list[Resource | None] | None:
    if not isinstance(value, list):
        return None
    return [
        Resource(_text(one.get("ARN")), _text(one.get("arn")), _text(one.get("type")))
        for one in value
        if isinstance(one, dict)
    ]


def _identity(found: dict[str, Any]) -> Identity:
    session = found.get("sessionContext")
    behalf = found.get("onBehalfOf")
    return Identity(
        **{
            name: _text(found.get(name))
            for name in (
                "type",
                "principalId",
                "arn",
                "accountId",
                "accessKeyId",
                "userName",
                "invokedBy",
                "identityProvider",
            )
        },
        sessionContext=_session(session) if isinstance(session, dict) else None,
        onBehalfOf=(
            OnBehalfOf(_text(behalf.get("userId")), _text(behalf.get("identityStoreArn")))
            if isinstance(behalf, dict)
            else None
        ),
    )


def _session(found: dict[str, Any]) -> Session:
    attributes = found.get("attributes")
    issuer = found.get("sessionIssuer")
    made = Session(sourceIdentity=_text(found.get("sourceIdentity")))
    if isinstance(attributes, dict):
        mfa = attributes.get("mfaAuthenticated")
        made.attributes = Attributes(
            _text(attributes.get("creationDate")), mfa if isinstance(mfa, str | bool) else None
        )
    if isinstance(issuer, dict):
        made.sessionIssuer = Issuer(
            *(_text(issuer.get(name)) for name in ("type", "principalId", "arn", "accountId", "userName"))
        )
    return made


def blob(raw: Raw | UnsetType) -> dict[str, Any]:
    """The object in a parameter field, empty if there is none (or it is text, as Lake gives maps)."""
    if raw is UNSET:
        return {}
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
