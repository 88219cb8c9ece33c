"""How far the source is published: what is stored, whether it may be gone on from, the versions."""
