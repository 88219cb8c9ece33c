"""Tables that the application keeps for itself: excluded by default, so they must never reach the index."""

from __future__ import annotations

from devstack.sample import values
from devstack.sample.columns import col, key
from devstack.sample.model import Column, Table

TABLES = (
    Table(
        "_prisma_migrations",
        "Migrations that Prisma has applied.",
        12,
        (
            Column("id", "varchar(36)", values.numbered("migration-", 6)),
            col("checksum", "varchar(64)", values.hexadecimal(16), nulls=0),
            col("finished_at", "timestamptz"),
            col("migration_name", "varchar(255)", values.numbered("20240101_migration_"), nulls=0),
            col("logs", "text", values.one_of(""), nulls=90),
            col("rolled_back_at", "timestamptz", nulls=95),
            col("started_at", "timestamptz", nulls=0, default="DEFAULT now()"),
            col("applied_steps_count", "integer", values.integer(0, 9), nulls=0, default="DEFAULT 0"),
        ),
    ),
    Table(
        "sync_events",
        "What the synchronisation with Procore has received.",
        60,
        (
            key(),
            col("resource", "varchar(60)", values.one_of("rfis", "photos", "drawings"), nulls=0),
            col("payload", "jsonb"),
            col("received_at", "timestamptz", nulls=0, default="DEFAULT now()"),
        ),
    ),
)
