"""The networks that come with restauro to find damage, in eight bits, and what training goes on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import restauro
from restauro.damage.wear.canvas import Canvas
from restauro.damage.wear.stains import stains
from restauro.detection.network import grades, probabilities_of

FOLDER = Path(restauro.__file__).parent / "models" / "detection"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module", params=["damage", "stains"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def session(name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])


def test_it_is_small_and_has_a_card(name: str) -> None:
    assert sum((FOLDER / f"{name}{ending}").stat().st_size for ending in (".onnx", "-float.onnx")) <= 4e6
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert "died by 1925" in card
    assert "imitated" in card


def test_it_says_what_it_finds(name: str, session: onnxruntime.InferenceSession) -> None:
    about = session.get_modelmeta().custom_metadata_map
    assert about["name"] == name
    assert about["classes"].split(",") == ["crack", "scratch", "loss", "dust", "stain"]
    assert {"data", "steps", "metrics", "licence", "sha256", "multiple"} <= about.keys()


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 48, 112)])
def test_it_gives_probabilities(session: onnxruntime.InferenceSession, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    told = rng.normal(-4, 4, (shape[0], 5, *shape[2:])).astype(np.float32)
    (found,) = session.run(["probability"], {"image": rng.random(shape, np.float32), "told": told})
    assert found.shape == (shape[0], 5, *shape[2:])
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_one_for_stains_finds_nothing_else() -> None:
    stains = onnxruntime.InferenceSession(FOLDER / "stains.onnx", providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    (found,) = stains.run(["probability"], {"image": noise, "told": np.zeros((1, 5, 64, 64), np.float32)})
    assert found[:, :4].max() < 1e-5 < found[:, 4].min()


def test_a_crack_on_an_even_ground_is_likelier_than_the_ground() -> None:
    image = np.full((1, 3, 128, 128), 0.6, np.float32)
    image += 0.01 * np.random.default_rng(0).standard_normal(image.shape, np.float32)
    for column in range(10, 118):
        row = 60 + round(8 * np.sin(column / 9))
        image[:, :, row : row + 2, column] -= 0.25
    crack = image[0, 0] < 0.45
    lines = probabilities_of(grades(image[0].transpose(1, 2, 0), (0, 1))).max(axis=0)
    assert np.median(lines[crack]) > 10 * np.median(lines[~crack])


def test_both_files_hold_one_network(name: str, session: onnxruntime.InferenceSession) -> None:
    """On a damaged view of Venice, with stains for these, eight bits move log odds by some 0.2, hardly any decision."""
    exact = onnxruntime.InferenceSession(FOLDER / f"{name}-float.onnx", providers=["CPUExecutionProvider"])
    canvas = Canvas.of(restauro.read_picture(EXAMPLES / "canaletto-damaged.jpg").pixels[:256, :320])
    if name == "stains":
        stains(canvas, np.random.default_rng(0))
    image = np.rint(np.clip(canvas.picture, 0, 255))
    given = {
        "image": np.ascontiguousarray(image.transpose(2, 0, 1)[np.newaxis] / np.float32(255)),
        "told": np.full((1, 5, *image.shape[:2]), -6 if name == "damage" else 0, np.float32),
    }
    odds = []
    for one in (session, exact):
        likely = np.clip(one.run(["probability"], given)[0].astype(np.float64), 1e-6, 1 - 1e-6)
        odds.append(np.log(likely / (1 - likely)))
    seen, damage = odds[1] > -4, odds[1] > 0
    assert damage.sum() > 1000
    assert np.abs(odds[0] - odds[1])[seen].mean() < 0.3
    assert (damage != (odds[0] > 0)).sum() < 0.1 * damage.sum()


def test_products_of_eight_bits_never_overflow(name: str, session: onnxruntime.InferenceSession) -> None:
    """Processors without instructions for their sums add two in 16 bits; ONNX Runtime can be told not to, at a cost."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    exact = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).integers(0, 2, (1, 3, 64, 64)).astype(np.float32)  # features as large as they get
    given = {"image": noise, "told": np.full((1, 5, 64, 64), 10, np.float32)}
    for one, other in zip(session.run(None, given), exact.run(None, given), strict=True):
        np.testing.assert_array_equal(one, other)
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(FOLDER / f"{name}.onnx").graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert len(weights) > 20
    assert max(np.abs(one.astype(int)).max() for one in weights) <= 64


def test_normalisations_are_merged_into_convolutions(tmp_path: Path) -> None:
    """They aren't where a convolution has a bias that is made on the way, and it takes half as long again."""
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "merged.onnx")
    onnxruntime.InferenceSession(FOLDER / "damage-float.onnx", options, providers=["CPUExecutionProvider"])
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(tmp_path / "merged.onnx").graph.node}
