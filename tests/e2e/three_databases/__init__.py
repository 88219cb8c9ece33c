"""Three databases that are as odd as ordinary ones get, each with what happens to it, and what the index holds then."""
