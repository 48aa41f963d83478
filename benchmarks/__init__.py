"""Speed benchmarks; see README.md."""
