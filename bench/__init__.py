"""Benchmarks: ratios to hand-written loops and to the field's usual code, timed in one run. ``make bench``."""
