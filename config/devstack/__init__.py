"""The embedded stack: environment, PostgreSQL, supervisor, and the commands that run outside Django."""
