"""The reader's connection: like the ordinary one, and what it may not read is not asked for."""

from __future__ import annotations

from typing import Any, Final

from django.db.backends.postgresql.operations import DatabaseOperations

from tenants.database.backend.base import DatabaseWrapper

# Columns of `public` that no reader is ever given.
SECRETS: Final = frozenset(
    {
        ("mfa_authenticator", "data"),
        ("tenants_apitoken", "secret_sha256"),
        ("tenants_user", "password"),
        ("tenants_signingkey", "private_encrypted"),
        ("tenants_invitation", "secret_sha256"),
        ("tenants_identityprovider", "secret_encrypted"),
    }
)


class ReaderOperations(DatabaseOperations):
    """PostgreSQL's, whose queries leave out the secrets, as if each had deferred them."""

    compiler_module = "tenants.database.backend.compiler"


class ReaderWrapper(DatabaseWrapper):
    """A connection on which the server takes every transaction for a read-only one, unless told otherwise."""

    ops_class = ReaderOperations

    def get_connection_params(self) -> dict[str, Any]:
        """As the ordinary ones, with transactions read-only from the start."""
        params = super().get_connection_params()
        own = "-c default_transaction_read_only=on"
        return params | {"options": f"{params.get('options', '')} {own}".strip()}
