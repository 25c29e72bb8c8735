"""How far a network is from the originals, on pictures it wasn't trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Batch = tuple[NDArray[np.uint8], NDArray[np.bool_]]
Restore = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_GRID_PICTURES = 8
_HOLE_GREY = 0.5
_GRID_ENLARGED_TO = 96  # pixels; 32-pixel pictures are too small to be looked at


def to_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch as a network takes it.

    Parameters
    ----------
    batch
        Pictures uint8 [B, H, W, 3] and holes bool [B, H, W].
    device
        Where the tensors go.

    Returns
    -------
    The originals float32 [B, 3, H, W], 0..1, channels last in memory; what is known float32 [B, 1, H, W], 0 in holes.
    """
    pictures, holes = (torch.from_numpy(part) for part in batch)
    if device.type == "cuda":  # copied while the device still computes
        pictures, holes = pictures.pin_memory(), holes.pin_memory()
    image = pictures.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)  # [B, 3, H, W]
    known = (~holes.to(device, non_blocking=True)).float()[:, None]  # [B, 1, H, W]
    return image, known


@torch.no_grad()
def error_sums(restore: Restore, batches: Iterable[Batch], device: torch.device) -> tuple[torch.Tensor, Any]:
    """Add up a network's absolute errors over batches of test pictures.

    Parameters
    ----------
    restore
        (image, known) -> restored, as networks are called; the result may be in low precision, and is cut to 0..1, as
        it is where a network is used.
    batches
        Pictures uint8 [B, H, W, 3] and holes bool [B, H, W].

    Returns
    -------
    float64 [4]: the sum of absolute differences (of 0..1) inside holes, that over whole pictures, values inside holes,
    values of whole pictures; and the first pictures' grid, uint8 [H, W, 3], None without batches.
    """
    sums = torch.zeros(4, dtype=torch.float64, device=device)
    grid = None
    for batch in batches:
        image, known = to_tensors(batch, device)
        output = restore(image, known).float().clamp(0, 1)  # [B, 3, H, W]
        error = (output - image).abs().double()
        hole = (1 - known).double()
        sums += torch.stack([(error * hole).sum(), error.sum(), 3 * hole.sum(), hole.new_tensor(float(error.numel()))])
        if grid is None:
            grid = sample_grid(image, known, output)
    return sums, grid


def metrics_of(sums: torch.Tensor) -> dict[str, float]:
    """Turn the sums of `error_sums` into mean absolute errors, of values in 0..1.

    Returns
    -------
    composited_mae: over whole pictures, where known pixels are pasted back; hole_mae: over hole pixels of all pictures
    pooled; output_mae: over whole pictures, the network's output as it is.

    Examples
    --------
    >>> metrics_of(torch.tensor([2.0, 5.0, 20.0, 100.0]))
    {'composited_mae': 0.02, 'hole_mae': 0.1, 'output_mae': 0.05}
    """
    in_hole, everywhere, hole_values, values = sums.double().tolist()
    return {
        "composited_mae": in_hole / values,
        "hole_mae": in_hole / max(1.0, hole_values),
        "output_mae": everywhere / values,
    }


def sample_grid(image: torch.Tensor, known: torch.Tensor, output: torch.Tensor) -> NDArray[np.uint8]:
    """Return a picture of samples: a row each, damaged, mask, restored (composited), original.

    image, output: float [B, 3, H, W], 0..1; known: float [B, 1, H, W]. Returns uint8 [rows, 4 columns, 3].
    """
    image, known, output = (part[:_GRID_PICTURES].float().cpu() for part in (image, known, output))
    is_known = known.bool()
    damaged = torch.where(is_known, image, torch.tensor(_HOLE_GREY))
    mask = (1 - known).expand_as(image)
    restored = torch.where(is_known, image, output.clamp(0, 1))
    panels = torch.stack([damaged, mask, restored, image], 1)  # [B, 4, 3, H, W]
    panels = torch.nn.functional.pad(panels, (1, 1, 1, 1), value=1.0)
    count, _, _, height, width = panels.shape
    grid = panels.permute(0, 3, 1, 4, 2).reshape(count * height, 4 * width, 3)
    enlarged = max(1, _GRID_ENLARGED_TO // height)
    pixels = (grid * 255).round().to(torch.uint8).numpy()
    enlarged_grid: NDArray[np.uint8] = pixels.repeat(enlarged, 0).repeat(enlarged, 1)
    return enlarged_grid
