"""Postgres behind the stores, for those who outgrow one machine."""
