"""How a service runs: settings, logs, metrics, health, drain, offsets, dead letters and the Kafka clients."""
