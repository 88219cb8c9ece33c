"""Getting the bytes of a file: where a reference points, which engine fetches it, and what its errors mean."""
