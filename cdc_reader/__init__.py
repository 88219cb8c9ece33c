"""Reads a PostgreSQL database's changes and publishes them to Kafka, each exactly once."""
