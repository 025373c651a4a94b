"""Postgres behind the stores, for those who outgrow one machine."""

from appliance.storage.postgres.backend import PostgresBackend

__all__ = ["PostgresBackend"]
