"""A sink in a world of fakes: a clock that jumps, a Kafka and a Vespa in memory; see `sinks`."""
