"""The fail-closed PostgreSQL backend: `ENGINE = "tenants.database.backend"`."""
