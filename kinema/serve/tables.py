"""The tables: jobs and what belongs to them, keys, webhooks, idempotency. Moments are seconds since 1970, UTC.

A job's row is its film's too. What was used (ledger) has a table of its own, without a word of what was made, so that
deleting a film really deletes it and quotas still hold. Of reports, too, only so much is here as limits ask for.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("digest", String(64), unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("priority", Integer, nullable=False),
    Column("per_minute", Integer),
    Column("at_once", Integer),
    Column("seconds_a_day", Double),
    Column("wh_a_day", Double),
    Column("leased_at", Double, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("started_at", Double),
    Column("completed_at", Double),
    Column("expires_at", Double),
    Column("recipe", JSON, nullable=False),
    Column("model", String(100), nullable=False),
    Column("prompt", Text),
    Column("size", String(32), nullable=False),
    Column("seconds", String(32), nullable=False),
    Column("fps", String(32)),
    Column("task", String(32), nullable=False),
    Column("seed", BigInteger),
    Column("remixed_from", String(64)),
    Column("private", Boolean, nullable=False),
    Column("max_energy_wh", Double),
    Column("digest", String(64), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("worker", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", Double),
    Column("deaths", Integer, nullable=False),
    Column("stop", Boolean, nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("receipt", JSON),
    Column("notes", JSON),
    Column("film", JSON),
    Column("growing", Text),
    Column("told", Integer, nullable=False),
    Column("heard", Boolean, nullable=False),
    Column("watched_until", Double),
    Index("jobs_waiting", "status", "priority", "created_at"),
    Index("jobs_of_key", "key_id", "created_at"),
    Index("jobs_expiring", "expires_at"),
    Index("jobs_ended", "status", "completed_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("user_id", String(64), primary_key=True, index=True),
    Column("name", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
)

characters = Table(
    "characters",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("words", Text),
)

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("consent", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("name", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("holds", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Index("files_of_key", "key_id", "created_at"),
)

events = Table(
    "events",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Double, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("film_seconds", Double, nullable=False),
    Column("energy_wh", Double, nullable=False),
    Index("ledger_of_key", "key_id", "at"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Index("reports_of_key", "key_id", "at"),
)

promises = Table(
    "promises",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("job_ids", JSON, nullable=False),
    Column("at", Double, nullable=False, index=True),
)

hooks = Table(
    "hooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("name", String(200), nullable=False),
    Column("event_types", JSON, nullable=False),
    Column("secret", String(128), nullable=False),
    Column("created_at", Double, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hook_id", String(64), ForeignKey("hooks.id", ondelete="CASCADE"), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double, index=True),
    Column("delivered_at", Double),
    Column("said", Text),
)

refusals = Table(
    "refusals",
    metadata,
    Column("category", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
