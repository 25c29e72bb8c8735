"""LPIPS: the layers against plain loops, the distance against what other implementations give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import _lpips
import restauro


@pytest.mark.parametrize(("side", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 0), (5, 1, 2), (5, 4, 2)])
def test_convolution_agrees_with_loops(side: int, stride: int, padding: int) -> None:
    rng = np.random.default_rng(side)
    x, kernels = rng.normal(size=(2, 9, 10)), rng.normal(size=(3, 2, side, side))
    bias = rng.normal(size=3)
    got = _lpips.convolve(*(a.astype(np.float32) for a in (x, kernels, bias)), stride=stride, padding=padding)
    padded = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    for o, i, j in np.ndindex(got.shape):
        under = padded[:, i * stride : i * stride + side, j * stride : j * stride + side]
        assert got[o, i, j] == pytest.approx((under * kernels[o]).sum() + bias[o], abs=1e-5)
    assert got.shape[1:] == tuple((length - side) // stride + 1 for length in padded.shape[1:])


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("shape", [(7, 7), (8, 7), (7, 8), (8, 8), (3, 4)])
def test_pooling_agrees_with_loops(shape: tuple[int, int], ceil: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    got = _lpips.max_pool(x, ceil=ceil)
    assert got.shape[1:] == tuple((length - 3 + ceil) // 2 + 1 for length in shape)
    for c, i, j in np.ndindex(got.shape):
        assert got[c, i, j] == x[c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()


def test_a_file_of_weights_is_read(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "half": {"dtype": "F16", "shape": [2, 1], "data_offsets": [0, 4]},
        "single": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
    }
    text = json.dumps(header).encode()
    values = np.array([1, -2], np.float16).tobytes() + np.array([3], np.float32).tobytes()
    (tmp_path / "weights").write_bytes(len(text).to_bytes(8, "little") + text + values)
    read = _lpips.read_safetensors(tmp_path / "weights")
    assert {name: array.tolist() for name, array in read.items()} == {"half": [[1.0], [-2.0]], "single": [3.0]}
    assert {array.dtype.name for array in read.values()} == {"float32"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("network", "blurred", "sharper", "seeded"),
    [("squeeze", 0.711005, 0.147904, 0.100808), ("alex", 0.721888, 0.137560, 0.148573)],
)
def test_distances_are_those_of_other_implementations(
    shared: Path, network: str, blurred: float, sharper: float, seeded: float
) -> None:
    folder = shared / "weights"
    lpips = _lpips.Lpips(network, folder)
    pairs = {name: restauro.read_picture(folder / f"test-pairs/ex_{name}.png").pixels for name in ("ref", "p0", "p1")}
    assert lpips(pairs["ref"], pairs["p0"]) == pytest.approx(blurred, abs=2e-6)
    assert lpips(pairs["ref"], pairs["p1"]) == pytest.approx(sharper, abs=2e-6)
    assert lpips(pairs["ref"], pairs["ref"]) == 0
    # torch.manual_seed(123); torch.rand(10, 3, 100, 100) * 2 - 1, twice
    words = np.random.RandomState(123).randint(0, 2**32, 2 * 10 * 3 * 100 * 100, np.uint32)
    planes = ((words % 2**24).astype(np.float32) / 2**23 - 1).reshape(2, 10, 3, 100, 100)
    apart = [lpips.between(*map(lpips.features_of_planes, pair)) for pair in zip(*planes, strict=True)]
    assert np.mean(apart) == pytest.approx(seeded, abs=2e-6)
