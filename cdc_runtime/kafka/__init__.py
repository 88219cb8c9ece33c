"""
The edges to Kafka. They take `KafkaSettings`, return values of `consuming.records`, and let only our errors out.

`admin` topics and offsets; `producer` transactional and idempotent; `consumer` groups; `tail` one topic without a
group; `positions` reading to the true end; `directory` the schemas and tables that the reader publishes.
"""
