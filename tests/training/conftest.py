"""Tests of training compute on one thread: small layers gain nothing from more, and those would wait for others."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)
