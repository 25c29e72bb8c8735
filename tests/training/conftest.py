"""Tests of training compute on one thread: several at once would wait for one another, and small layers gain nothing."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)
