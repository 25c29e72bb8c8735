"""Damage by a scan's infrared plane: finding.py over registration.py and leak.py; planes.py brings it from files."""
