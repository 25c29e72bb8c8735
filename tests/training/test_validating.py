from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training.validating import error_sums, metrics_of, sample_grid, to_tensors

CPU = torch.device("cpu")


def batch(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 8, 6, 3), np.uint8), rng.random((count, 8, 6)) < rng.random((count, 1, 1)) / 2


def test_tensors_are_what_networks_take() -> None:
    pictures, holes = batch(3, 0)
    image, known = to_tensors((pictures, holes), CPU)
    assert image.dtype == known.dtype == torch.float32
    assert image.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(image.permute(0, 2, 3, 1), (pictures / np.float32(255)).astype(np.float32))
    np.testing.assert_array_equal(known[:, 0], 1 - holes.astype(np.float32))


def test_errors_are_pooled_as_plain_numpy_does() -> None:
    """Of batches of different sizes and hole shares: no mean of means."""
    batches = [batch(5, 1), batch(2, 2)]

    def restore(tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return (tensors[0] * 1.2 - 0.1).bfloat16()  # beyond 0..1

    metrics = metrics_of(error_sums(restore, batches, CPU)[0])
    original = np.concatenate([pictures for pictures, _ in batches]) / 255
    holes = np.concatenate([hole for _, hole in batches])
    output = np.concatenate([restore(to_tensors(one, CPU)).float().permute(0, 2, 3, 1) for one in batches])
    output = output.clip(0, 1)
    error = np.abs(output - original)
    composited = np.abs(np.where(holes[..., None], output, original) - original)
    psnr = np.mean([-10 * np.log10((each**2).mean()) for each in composited])
    assert metrics["composited_psnr"] == pytest.approx(psnr, rel=1e-6)
    assert metrics["output_mae"] == pytest.approx(error.mean(), rel=1e-6)
    assert metrics["hole_mae"] == pytest.approx(error[holes].mean(), rel=1e-6)
    assert metrics["composited_mae"] == pytest.approx(composited.mean(), rel=1e-6)


def test_without_holes_nothing_is_divided_by_zero() -> None:
    pictures, holes = batch(2, 3)
    sums, _ = error_sums(lambda tensors: tensors[0], [(pictures, holes & False)], CPU)
    assert metrics_of(sums) == {"composited_mae": 0, "hole_mae": 0, "output_mae": 0, "composited_psnr": 100}


def test_fills_become_tensors_as_pictures_do() -> None:
    pictures, holes = batch(3, 4)
    image, known, filled = to_tensors((pictures, holes, pictures[::-1].copy()), CPU)
    assert filled.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(filled, image.flip(0))
    assert known.shape == (3, 1, 8, 6)


def test_the_grid_shows_damaged_mask_restored_original() -> None:
    image = torch.full((2, 3, 96, 96), 0.2)
    known = torch.ones(2, 1, 96, 96)
    known[0, :, :48] = 0
    grid = sample_grid(image, known, torch.full_like(image, 0.8))
    assert grid.shape == (2 * 98, 4 * 98, 3)
    in_hole, outside, whole = (grid[row, 49::98, 0].tolist() for row in (20, 80, 120))
    assert in_hole == [128, 255, 204, 51]
    assert outside == whole == [51, 0, 51, 51]
    assert (grid[0] == 255).all()  # a frame
