"""Snapshots by DBLog chunks (arXiv 2010.12597) while streaming goes on: rules S1 to S7."""
