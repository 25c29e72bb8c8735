"""Worn pictures made for training: damage that looks real, and where each kind of it is."""
