"""Damage found in pictures: proposed as masks to look at, to correct, and to restore with."""
