"""Frames of the real sky with known truth, for tests, the demo, benchmarks and training."""
