"""Measurements that are no tests: each script says what it measures and how to run it."""
