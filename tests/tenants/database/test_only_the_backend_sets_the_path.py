"""Before PostgreSQL 18 a path that a caller sets by itself is not seen, so nobody but the backend may set one."""

import re
from pathlib import Path

from django.conf import settings

APPS = ("tenants", "evidence", "controls", "reports", "config")
SETS = re.compile(
    r"search_path|set_schema_to_public|\.set_schema\(|\.set_tenant\(|schema_context|tenant_context",
    re.IGNORECASE,
)
ALLOWED = {"tenants/clients/switch.py"}


def test_no_code_but_the_backend_and_the_switch_names_the_path() -> None:
    found = []
    for app in APPS:
        for file in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            name = file.relative_to(settings.BASE_DIR).as_posix()
            if name.startswith("tenants/database/") or name in ALLOWED:
                continue
            found += [
                f"{name}:{n}" for n, line in enumerate(file.read_text().splitlines(), 1) if SETS.search(line)
            ]
    assert found == []
