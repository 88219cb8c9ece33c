"""From the messages of the stream to events."""
