"""The PostgreSQL server: connections, replication, snapshots, watermarks, workers beside the stream."""
