"""Rows that were given up for want of a field, and are read again once the index has it."""
