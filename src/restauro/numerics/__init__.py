"""What methods share: arrival times, threads that wait for one another. Modules here import Numba; load them on use."""
