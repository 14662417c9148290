"""Table of contents: models live in the concepts' folders."""

from tenants.access.models import ReadLogEntry
from tenants.clients.models import Client, Host
from tenants.cockpit.models import ClientSummary
from tenants.database.models import SchemaTemplate
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.members.models import Assignment, Membership, User
from tenants.secrets.models import Installation, SigningKey

__all__ = [
    "Assignment",
    "Client",
    "ClientSummary",
    "Engagement",
    "EngagementAuditor",
    "Host",
    "Installation",
    "Membership",
    "ReadLogEntry",
    "SchemaTemplate",
    "SigningKey",
    "User",
]
