"""
The fingerprint of a table's definition (rule D1).

Two fingerprints differ when DDL may have changed what rows mean without sending anything: a table dropped and
created again, renamed, or with a column added, dropped, renamed, retyped or rewritten. It never covers the
relfilenode, which VACUUM FULL, CLUSTER and TRUNCATE change. A partitioned table's covers its leaves (rule D3):
rows of an attached or detached leaf come and go without an event.

Keeps: D1, D3.
"""

from __future__ import annotations

import json
from hashlib import sha256

from cdc_reader.discovery.catalog_rows import RelationRow, TableRow

_LENGTH = 32  # 128 bits: no two definitions of one table ever meet


def fingerprint(table: TableRow) -> str:
    """The fingerprint of a table: 32 hexadecimal digits."""
    described: list[object] = [_describe(table.relation)]
    described += (_describe(leaf) for leaf in sorted(table.leaves, key=lambda leaf: leaf.oid))
    text = json.dumps(described, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:_LENGTH]


def _describe(relation: RelationRow) -> list[object]:
    return [
        relation.oid,
        relation.name.schema,
        relation.name.name,
        relation.replica_identity,
        list(relation.parents),
        [
            [
                row.number,
                row.name,
                row.type_oid,
                row.typmod,
                row.not_null,
                row.dropped,
                row.generated,
                row.xmin,
            ]
            for row in relation.attributes
        ],
    ]
