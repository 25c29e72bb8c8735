"""Kernels and solvers of the methods, on arrays alone. Modules here import Numba; load them on use."""
