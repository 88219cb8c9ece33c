"""How far everything is: slot, position, snapshots, lag of the consumer groups, rows beside documents."""
