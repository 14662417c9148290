"""Table of contents: admin classes live in the concepts' folders."""

from evidence.intake.admin import SourceAdmin
from evidence.intake.models import Source
from evidence.inventory.admin import AccountAdmin
from evidence.inventory.models import Account
from tenants.access.adminsite import site

site.register(Source, SourceAdmin)
site.register(Account, AccountAdmin)
