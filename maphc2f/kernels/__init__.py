"""Numba kernels: arrays in, arrays out; no classes, no randomness, no input or output. Each has a NumPy twin."""
