from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

pytest.importorskip("skimage", reason="needs scikit-image: pip install 'restauro[eval]'")

from restauro.errors import EvaluationError
from restauro.evaluation.metrics import METRICS, measure, psnr


def case(seed: int, shape: tuple[int, ...] = (20, 24, 3)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, another that differs in the hole only, and the hole."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, shape, np.uint8)
    hole = rng.random(shape[:2]) < 0.3
    hole[3, 4] = True
    restored = truth.copy()
    restored[hole] = rng.integers(0, 256, restored[hole].shape, np.uint8)
    return truth, restored, hole


@pytest.mark.parametrize("shape", [(20, 24, 3), (20, 24), (11, 40, 1)])
def test_errors_are_the_plain_formulas(shape: tuple[int, ...]) -> None:
    truth, restored, hole = case(1, shape)
    found = measure(truth, restored, hole)
    absolute, squares, inside, inside_squares = [], [], [], []
    for place in np.ndindex(*shape):
        apart = int(restored[place]) - int(truth[place])
        absolute.append(abs(apart))
        squares.append(apart**2)
        if hole[place[:2]]:
            inside.append(abs(apart))
            inside_squares.append(apart**2)
    assert found.l1 == pytest.approx(100 * np.mean(absolute) / 255, rel=1e-12)
    assert found.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(squares)), rel=1e-12)
    assert found.l1_hole == pytest.approx(100 * np.mean(inside) / 255, rel=1e-12)
    assert found.rmse_hole == pytest.approx(np.sqrt(np.mean(inside_squares)), rel=1e-12)


def test_ssim_is_the_papers_with_a_gaussian_window() -> None:
    truth, restored, hole = case(2, (40, 36, 3))
    values = []
    for band in range(3):
        x, y = (picture[:, :, band].astype(float) for picture in (truth, restored))

        def mean(image: np.ndarray) -> np.ndarray:
            return gaussian_filter(image, 1.5, truncate=3.5)

        mx, my = mean(x), mean(y)
        vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
        one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        ssim = (2 * mx * my + one) * (2 * vxy + two) / ((mx**2 + my**2 + one) * (vx + vy + two))
        values.append(ssim[5:-5, 5:-5].mean())
    assert measure(truth, restored, hole).ssim == pytest.approx(np.mean(values), abs=1e-9)


def test_an_exact_restoration_counts_as_100_db() -> None:
    truth, _, hole = case(3)
    found = measure(truth, truth, hole)
    assert (found.l1, found.psnr, found.ssim, found.l1_hole, found.rmse_hole) == (0, 100, 1, 0, 0)
    assert psnr(1 / (512 * 256)) < 100  # one value of one off by one
    assert psnr(1e-9) == 100


@given(st.integers(0, 1000))
def test_the_picture_s_error_is_the_hole_s_times_its_share(seed: int) -> None:
    truth, restored, hole = case(seed)
    found = measure(truth, restored, hole)
    assert found.l1 == pytest.approx(found.l1_hole * hole.mean(), abs=1e-9)
    mean_square = found.rmse_hole**2 * hole.mean()
    assert found.psnr == pytest.approx(psnr(mean_square), abs=1e-9)


def test_what_cannot_be_judged_is_refused() -> None:
    truth, restored, hole = case(4)
    with pytest.raises(EvaluationError, match=r"they must be of one size"):
        measure(truth, restored[:-1], hole)
    with pytest.raises(EvaluationError, match=r"is 24 x 10 pixels, and SSIM needs 11 x 11"):
        measure(truth[:10], restored[:10], hole[:10])
    with pytest.raises(EvaluationError, match=r"The mask has no hole"):
        measure(truth, restored, np.zeros_like(hole))


def test_the_table_of_metrics() -> None:
    """Columns are what scripts read, and a metric that lost its axis would lose its plots without a word."""
    assert [(metric.column, metric.heading, metric.axis) for metric in METRICS.values()] == [
        ("psnr", "PSNR, dB", "PSNR, dB"),
        ("ssim", "SSIM", "SSIM"),
        ("l1", "L1, %", ""),
        ("lpips", "LPIPS", "LPIPS by SqueezeNet"),
        ("lpips_alex", "LPIPS, AlexNet", "LPIPS by AlexNet, the witness"),
        ("l1_hole", "L1 in holes, %", ""),
        ("rmse_hole", "RMSE in holes", "RMSE in holes, of 255"),
    ]
