"""Kafka to Vespa: row events become documents, each written conditionally on its version."""
