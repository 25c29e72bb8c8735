"""The local page and its HTTP interface: it opens pictures, takes strokes, restores, and gives the results back."""
