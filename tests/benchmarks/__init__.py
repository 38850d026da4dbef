"""Benchmarks: `make bench` prints them all, as ratios in one run against named references."""
