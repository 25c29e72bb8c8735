"""Kernels compiled ahead of time: the library that holds them, and what builds it."""
