"""Solvers: loops, stopping rules and reports around the kernels."""
