"""What each row referred to: the local store of it, and how that is rebuilt from the topics."""
