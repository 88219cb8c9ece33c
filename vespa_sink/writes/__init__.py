"""Writes in their order, their attempts, and what becomes of refusals."""
