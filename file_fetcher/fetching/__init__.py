"""Fetching one file: where it lies, how long to wait, what it holds."""
