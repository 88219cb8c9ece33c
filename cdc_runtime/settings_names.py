"""
Dotted names of all settings of all services of the product.

One environment or file may serve several services, so a service passes over what another one knows; services do
not know each other, hence this list. A test compares it with the models and says how to write it anew.
"""

from __future__ import annotations

PRODUCT_SETTINGS: frozenset[str] = frozenset(
    {
        "binary",
        "breaker.in_a_row",
        "breaker.of_last",
        "breaker.ratio",
        "breaker.window_s",
        "commit.max_bytes",
        "commit.max_rows",
        "commit.max_wait_s",
        "commit_interval_s",
        "database_url",
        "exclude",
        "group",
        "heartbeat_interval_s",
        "http.host",
        "http.port",
        "kafka.bootstrap_servers",
        "kafka.client",
        "kafka.partitions",
        "kafka.prefix",
        "kafka.replication_factor",
        "kafka.sasl_password",
        "log.format",
        "log.level",
        "mapping_file",
        "max_open_bytes",
        "max_open_records",
        "max_text_bytes",
        "publication",
        "refetch_wait_s",
        "revoke_timeout_s",
        "slot",
        "snapshot.chunk_bytes",
        "snapshot.chunk_rows",
        "snapshot.watermark_timeout_s",
        "snapshot.workers",
        "source",
        "standby",
        "start_timeout_s",
        "status_interval_s",
        "stop_timeout_s",
        "tables",
        "transcoder",
        "version_seed",
        "vespa.connections",
        "vespa.max_connections",
        "vespa.max_document_bytes",
        "vespa.namespace",
        "vespa.query_url",
        "vespa.record_type",
        "vespa.schema_type",
        "vespa.timeout_s",
        "vespa.url",
    }
)
