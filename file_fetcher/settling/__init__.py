"""What becomes of a row: the order of rows, differences, results, Kafka transactions."""
