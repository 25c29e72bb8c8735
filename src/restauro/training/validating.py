"""How far a network is from the originals, on pictures it wasn't trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Batch = tuple[NDArray[Any], ...]  # pictures uint8 [B, H, W, 3], holes bool [B, H, W], and fills, where there are any
Restore = Callable[[tuple[torch.Tensor, ...]], torch.Tensor]

_LEAST = 1e-10  # mean squared error: a picture without a fault has 100 dB
_GRID_PICTURES = 8
_HOLE_GREY = 0.5
_GRID_ENLARGED_TO = 96  # pixels; 32-pixel pictures are too small to be looked at


def to_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Return a batch as a network takes it.

    Parameters
    ----------
    batch
        Pictures uint8 [B, H, W, 3] and holes bool [B, H, W]; the pictures filled, where a method has done it.
    device
        Where the tensors go.

    Returns
    -------
    The originals float32 [B, 3, H, W], 0..1, channels last in memory; what is known float32 [B, 1, H, W], 0 in holes;
    the filled ones as the originals.
    """
    parts = [torch.from_numpy(part) for part in batch]
    if device.type == "cuda":  # copied while the device still computes
        parts = [part.pin_memory() for part in parts]
    pictures, holes, *filled = (part.to(device, non_blocking=True) for part in parts)
    image, *filled = (each.permute(0, 3, 1, 2).float().div_(255) for each in (pictures, *filled))  # [B, 3, H, W]
    return image, (~holes).float()[:, None], *filled


@torch.no_grad()
def error_sums(restore: Restore, batches: Iterable[Batch], device: torch.device) -> tuple[torch.Tensor, Any]:
    """Add up a network's absolute errors over batches of test pictures.

    Parameters
    ----------
    restore
        What `to_tensors` gives -> restored; the result may be in low precision, and is cut to 0..1, as it is where a
        network is used.
    batches
        See `to_tensors`.

    Returns
    -------
    float64 [6]: the sum of absolute differences (of 0..1) inside holes, that over whole pictures, values inside holes,
    values of whole pictures, the sum of the composited pictures' PSNRs, pictures; and the first pictures' grid, uint8
    [H, W, 3], None without batches.
    """
    sums = torch.zeros(6, dtype=torch.float64, device=device)
    grid = None
    for batch in batches:
        tensors = to_tensors(batch, device)
        image, known = tensors[:2]
        output = restore(tensors).float().clamp(0, 1)  # [B, 3, H, W]
        error = (output - image).abs().double()
        hole = (1 - known).double()
        squared = (error * hole).square().mean((1, 2, 3)).clamp(min=_LEAST)
        values, pictures = hole.new_tensor([error.numel(), len(error)])
        psnrs = -10 * squared.log10().sum()
        sums += torch.stack([(error * hole).sum(), error.sum(), 3 * hole.sum(), values, psnrs, pictures])
        if grid is None:
            grid = sample_grid(image, known, output)
    return sums, grid


def metrics_of(sums: torch.Tensor) -> dict[str, float]:
    """Turn the sums of `error_sums` into mean absolute errors, of values in 0..1.

    Returns
    -------
    composited_mae: over whole pictures, where known pixels are pasted back; hole_mae: over hole pixels of all pictures
    pooled; output_mae: over whole pictures, the network's output as it is; composited_psnr: dB, of pictures where known
    pixels are pasted back, their mean.

    Examples
    --------
    >>> metrics_of(torch.tensor([2.0, 5.0, 20.0, 100.0, 90.0, 3.0]))
    {'composited_mae': 0.02, 'hole_mae': 0.1, 'output_mae': 0.05, 'composited_psnr': 30.0}
    """
    in_hole, everywhere, hole_values, values, psnrs, pictures = sums.double().tolist()
    return {
        "composited_mae": in_hole / values,
        "hole_mae": in_hole / max(1.0, hole_values),
        "output_mae": everywhere / values,
        "composited_psnr": psnrs / max(1.0, pictures),
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
