"""Table of contents: admin classes live in the concepts' folders."""

from tenants.access.adminsite import site
from tenants.engagements.admin import EngagementAdmin
from tenants.engagements.models import Engagement
from tenants.members.admin import MembershipAdmin
from tenants.members.models import Membership

site.register(Engagement, EngagementAdmin)
site.register(Membership, MembershipAdmin)
