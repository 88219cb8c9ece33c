"""Parsers: what turns a file into text and rows, each an entry point, in child processes that may die."""
