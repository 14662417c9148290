"""Table of contents: admin classes live in the concepts' folders."""

from controls.catalogue.admin import ControlAdmin
from controls.catalogue.models import Control
from controls.exceptions.admin import ExceptionAdmin
from controls.exceptions.models import ControlException
from controls.results.models import RuleSetting
from controls.rules.admin import RuleSettingAdmin
from tenants.access.adminsite import site

site.register(Control, ControlAdmin)
site.register(ControlException, ExceptionAdmin)
site.register(RuleSetting, RuleSettingAdmin)
