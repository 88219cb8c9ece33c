"""Benchmarks: each prints a table with ratios against its peer, and decides nothing about tests."""
