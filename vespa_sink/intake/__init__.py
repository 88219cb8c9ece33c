"""What is let in: partitions, positions, back-pressure, tables, dead letters."""
