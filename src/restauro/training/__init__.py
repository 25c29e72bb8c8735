"""Networks that fill holes: layers, losses, data, training, export. Needs the extra `train` (PyTorch)."""
