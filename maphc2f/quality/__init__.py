"""The Synthesis Quality Estimator and the invariants of a sample."""
