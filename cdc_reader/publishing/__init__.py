"""Into the topics: the transactional publisher, and the floors of tables."""
