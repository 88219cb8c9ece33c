"""The captured tables of a session: how each is encoded and read."""
