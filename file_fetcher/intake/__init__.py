"""What is let in: partitions, positions, records, rows with files."""
