"""Damage made to order: masks that look like marks, strokes, cracks and losses."""
