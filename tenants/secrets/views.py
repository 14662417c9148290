"""The installation's signing keys, on a page of the portal."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from tenants.access.declare import action
from tenants.secrets.signing import current_key, installation_host, keys, rotate_key


@action("key.read", POST="key.rotate")
def signing_keys(request: HttpRequest) -> HttpResponse:
    """List the keys that the installation signed with, and make a new one."""
    gate = request.access
    if request.method == "POST":
        rotate_key(at=gate.at)
        messages.success(
            request,
            "A new signing key is in use. Each client's ledger announces it with its next entry, vouched for by "
            "the key before.",
        )
        return redirect("signing_keys")
    current_key()
    rows = [
        {"public": bytes(row.public).hex(), "begins": row.valid_from, "ends": row.valid_until}
        for row in reversed(keys())
    ]
    return render(
        request,
        "tenants/signing_keys.html",
        {"keys": rows, "host": installation_host(), "rotates": gate.could("key.rotate")},
    )
