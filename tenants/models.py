"""Table of contents: models live in the concepts' folders."""

from tenants.access.models import ReadLogEntry
from tenants.api.models import ApiUse
from tenants.apitokens.models import ApiToken, IdempotencyKey
from tenants.breakglass.models import BreakGlass
from tenants.clients.models import Client, Host
from tenants.cockpit.models import ClientSummary
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.identity.models import IdentityProvider
from tenants.invitations.models import Invitation
from tenants.members.models import Assignment, Membership, User
from tenants.mywork.models import WorkItem
from tenants.notifications.models import Notification, NotificationMark, NotificationSetting
from tenants.savedviews.models import SavedView
from tenants.secrets.models import Installation, SigningKey

__all__ = [
    "ApiToken",
    "ApiUse",
    "Assignment",
    "BreakGlass",
    "Client",
    "ClientSummary",
    "Engagement",
    "EngagementAuditor",
    "Host",
    "IdempotencyKey",
    "IdentityProvider",
    "Installation",
    "Invitation",
    "Membership",
    "Notification",
    "NotificationMark",
    "NotificationSetting",
    "ReadLogEntry",
    "SavedView",
    "SchemaTemplate",
    "SigningKey",
    "SpareSchema",
    "User",
    "WorkItem",
]
