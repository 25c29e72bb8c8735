"""LPIPS against a plain NumPy version, and against the values of the networks' known weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[eval]'")

from restauro.errors import EvaluationError
from restauro.evaluation import lpips
from restauro.evaluation.lpips import Lpips, open_all

FILES = {"squeeze": "lpips_squeeze1_1_v0.1_torchvision.safetensors", "alex": "lpips_alex_v0.1_torchvision.safetensors"}
SQUEEZE_FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128), 9: (256, 48, 192),
                 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}  # fmt: skip
ALEX = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}


def weights(network: str) -> dict[str, np.ndarray]:
    """Random weights of the network's shapes."""
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {}
    if network == "squeeze":
        shapes["features.0"] = (64, 3, 3, 3)
        for number, (inputs, squeezed, expanded) in SQUEEZE_FIRES.items():
            shapes[f"features.{number}.squeeze"] = (squeezed, inputs, 1, 1)
            shapes[f"features.{number}.expand1x1"] = (expanded, squeezed, 1, 1)
            shapes[f"features.{number}.expand3x3"] = (expanded, squeezed, 3, 3)
        heads = (64, 128, 256, 384, 384, 512, 512)
    else:
        for number, (outputs, inputs, side) in ALEX.items():
            shapes[f"features.{number}"] = (outputs, inputs, side, side)
        heads = (64, 192, 384, 256, 256)
    made = {f"lin{number}.weight": rng.random(count).astype(np.float32) for number, count in enumerate(heads)}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float16)
        made[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
    return made


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write a safetensors file."""
    header, blobs, place = {"__metadata__": {"format": "pt"}}, [], 0
    for name, array in arrays.items():
        blob = array.tobytes()
        kind = {np.dtype(np.float16): "F16", np.dtype(np.float32): "F32"}[array.dtype]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [place, place + len(blob)]}
        blobs.append(blob)
        place += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blobs))
    return path


def plain_distance(network: str, own: dict[str, np.ndarray], one: np.ndarray, other: np.ndarray) -> float:
    """LPIPS of two pictures, uint8 [H, W, 3], as SOURCES and paper say it, in NumPy."""
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])

    def features(picture: np.ndarray) -> Iterator[np.ndarray]:
        x = ((picture / 127.5 - 1 - shift) / scale).transpose(2, 0, 1)
        for output in (squeeze_outputs if network == "squeeze" else alex_outputs)(x, own):
            yield output / (np.sqrt(np.square(output).sum(axis=0)) + 1e-10)

    distance = 0.0
    for number, (a, b) in enumerate(zip(features(one), features(other), strict=True)):
        distance += np.tensordot(own[f"lin{number}.weight"], np.square(a - b), 1).mean()
    return distance


def squeeze_outputs(x: np.ndarray, own: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    x = convolved(x, own, "features.0", stride=2)
    yield x
    for numbers in ((3, 4), (6, 7), (9,), (10,), (11,), (12,)):
        x = pooled(x, ceil=True) if numbers[0] < 10 else x
        for number in numbers:
            s = convolved(x, own, f"features.{number}.squeeze")
            wide = convolved(s, own, f"features.{number}.expand3x3", padding=1)
            x = np.concatenate([convolved(s, own, f"features.{number}.expand1x1"), wide])
        yield x


def alex_outputs(x: np.ndarray, own: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    for number, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        x = pooled(x, ceil=False) if number in (3, 6) else x
        x = convolved(x, own, f"features.{number}", stride, padding)
        yield x


def convolved(x: np.ndarray, own: dict[str, np.ndarray], name: str, stride: int = 1, padding: int = 0) -> np.ndarray:
    kernels, bias = own[f"{name}.weight"].astype(float), own[f"{name}.bias"]
    side = kernels.shape[2]
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(1, 2))[:, ::stride, ::stride]
    return np.maximum(np.einsum("cyxij,ocij->oyx", windows, kernels) + bias[:, np.newaxis, np.newaxis], 0)


def pooled(x: np.ndarray, *, ceil: bool) -> np.ndarray:
    if ceil:  # windows that are partly outside count
        x = np.pad(x, [(0, 0), *((0, (length - 3) % 2) for length in x.shape[1:])], constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))


@pytest.mark.parametrize("network", ["squeeze", "alex"])
@pytest.mark.parametrize("shape", [(31, 31), (33, 46)])
def test_the_graph_computes_what_plain_formulas_do(network: str, shape: tuple[int, int], tmp_path: Path) -> None:
    own = weights(network)
    judge = Lpips(write(tmp_path / "weights", own))
    assert judge.network == network
    pictures = np.random.default_rng(1).integers(0, 256, (4, *shape, 3), np.uint8)
    found = judge.distances(pictures[0], list(pictures))
    expected = [plain_distance(network, own, pictures[0], picture) for picture in pictures]
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)
    assert found[0] == 0


def test_many_pictures_go_through_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Lpips(write(tmp_path / "weights", weights("alex")))
    pictures = list(np.random.default_rng(2).integers(0, 256, (6, 32, 32, 3), np.uint8))
    whole = judge.distances(pictures[0], pictures[1:])
    monkeypatch.setattr(lpips, "_PIXELS_AT_ONCE", 3 * 32 * 32)
    np.testing.assert_allclose(judge.distances(pictures[0], pictures[1:]), whole, rtol=1e-5)
    grey = pictures[0][:, :, 0]
    alike = [np.repeat(picture[:, :, :1], 3, axis=2) for picture in pictures[:2]]
    assert judge.distances(grey, [pictures[1][:, :, 0]]) == judge.distances(alike[0], [alike[1]])


def test_a_witness_beside_the_file_is_found(tmp_path: Path) -> None:
    squeeze = write(tmp_path / "lpips_squeeze.safetensors", weights("squeeze"))
    assert list(open_all([squeeze])) == ["squeeze"]
    alex = write(tmp_path / "lpips_alex_v0.1.safetensors", weights("alex"))
    assert list(open_all([squeeze])) == ["squeeze", "alex"]
    write(tmp_path / "lpips_alex.safetensors", weights("alex"))
    assert list(open_all([alex])) == ["alex"]
    assert list(open_all([squeeze])) == ["squeeze", "alex"]
    with pytest.raises(EvaluationError, match=r"Two files of weights are of AlexNet"):
        open_all([alex, alex])


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nothing.safetensors can't be read \(No such file"):
        Lpips(tmp_path / "nothing.safetensors")
    own = weights("alex")
    whole = write(tmp_path / "whole", own).read_bytes()
    for name, data in {"text": b"these are no weights at all", "cut": whole[:5000], "empty": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(EvaluationError, match=rf"{name} aren't a whole safetensors file"):
            Lpips(tmp_path / name)
    with pytest.raises(EvaluationError, match=r"are neither LPIPS 0.1 of SqueezeNet 1.1 nor of AlexNet"):
        Lpips(write(tmp_path / "other", {"layer.weight": np.zeros(3, np.float32)}))
    with pytest.raises(EvaluationError, match=r"lacking lack 'features.3.bias': get a complete copy"):
        Lpips(write(tmp_path / "lacking", {name: array for name, array in own.items() if name != "features.3.bias"}))
    with pytest.raises(EvaluationError, match=r"is 40 x 30 pixels, and LPIPS needs 31 x 31"):
        Lpips(tmp_path / "whole").distances(np.zeros((30, 40, 3), np.uint8), [])


@pytest.mark.shared
@pytest.mark.parametrize("network", ["squeeze", "alex"])
def test_known_weights_give_the_known_values(network: str, shared: Path) -> None:
    """The values of SOURCES.md beside the weights, those of the float16 files."""
    data = pytest.importorskip("skimage.data")
    judge = Lpips(shared / "weights" / FILES[network])
    astronaut, coffee = data.astronaut(), data.coffee()
    square = astronaut.copy()
    square[192:320, 192:320] = 128
    expected = {"squeeze": 0, "alex": 1}[network]
    for values, one, other in [
        ((0.0, 0.0), astronaut, astronaut),
        ((0.022084, 0.017181), astronaut, blurred(astronaut, 0.5)),
        ((0.138207, 0.144966), astronaut, blurred(astronaut, 1)),
        ((0.287585, 0.320957), astronaut, blurred(astronaut, 2)),
        ((0.480377, 0.501475), astronaut, blurred(astronaut, 4)),
        ((0.083378, 0.050603), astronaut, noisy(astronaut, 5)),
        ((0.204970, 0.177976), astronaut, noisy(astronaut, 10)),
        ((0.437712, 0.482505), astronaut, noisy(astronaut, 25)),
        ((0.614738, 0.829251), astronaut, noisy(astronaut, 50)),
        ((0.056805, 0.074620), astronaut, square),
        ((0.630965, 0.725746), astronaut, astronaut[:, ::-1]),
        ((0.282385, 0.374957), coffee, blurred(coffee, 2)),
        ((0.354882, 0.500110), coffee, noisy(coffee, 25)),
    ]:
        assert judge.distances(one, [other])[0] == pytest.approx(values[expected], abs=1e-4)
    for number, values in enumerate([(0.711005, 0.721888), (0.147904, 0.137560)]):
        pair = [read(shared / "weights" / "test-pairs", name) for name in ("ex_ref", f"ex_p{number}")]
        assert judge.distances(pair[0], [pair[1]])[0] == pytest.approx(values[expected], abs=1e-4)


def read(folder: Path, name: str) -> np.ndarray:
    import pyvips

    file = next(folder.glob(f"{name}.*"))
    return pyvips.Image.new_from_file(str(file))[:3].numpy()


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    soft = gaussian_filter(picture.astype(float), (sigma, sigma, 0), mode="reflect", truncate=4)
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
