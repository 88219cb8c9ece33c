"""The sample's tables: fifty that are captured, and two that are excluded by default."""

from __future__ import annotations

from devstack.sample.model import Table
from devstack.sample.tables import bookkeeping, coordination, design, field, finance, organisation, projects

CAPTURED: tuple[Table, ...] = (
    *organisation.TABLES,
    *projects.TABLES,
    *design.TABLES,
    *coordination.TABLES,
    *field.TABLES,
    *finance.TABLES,
)
EXCLUDED: tuple[Table, ...] = bookkeeping.TABLES
ALL: tuple[Table, ...] = (*CAPTURED, *EXCLUDED)
