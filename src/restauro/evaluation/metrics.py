"""How near a restored picture comes to the undamaged one: L1, PSNR, SSIM, and errors in the holes alone.

LPIPS, which needs a network's weights, is in `lpips.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError

EXACT_PSNR = 100.0  # dB: the most that counts; the PSNR of a restoration without any error is infinite
LEAST_SIDE = 11  # pixels: SSIM's window


@dataclass(frozen=True)
class Metric:
    """A measure of how near a restored picture comes to the undamaged one, in results, tables, plots and sheets.

    Attributes
    ----------
    column
        What results call it.
    name, unit, digits
        What people call it, in what it is measured, and to how many digits it is written.
    more_is_better
        Whether a higher value is better.
    pooled
        How values of several pictures become one: "" is their mean; "mean" that over all their hole pixels, "root" the
        root of the mean square over them.
    axis
        What it is called in plots; "" where it has none.
    network
        LPIPS' network that measures it.
    """

    column: str
    name: str
    unit: str
    digits: int
    more_is_better: bool = False
    pooled: str = ""
    axis: str = ""
    network: str = ""

    @property
    def heading(self) -> str:
        """What stands over a column."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    def text(self, value: float) -> str:
        """Write a value with its name and unit.

        >>> METRICS["psnr"].text(31.4159), METRICS["ssim"].text(0.9)
        ('PSNR 31.42 dB', 'SSIM 0.9000')
        """
        return f"{self.name} {value:.{self.digits}f} {self.unit}".rstrip()


_ALL = (
    Metric("psnr", "PSNR", "dB", 2, more_is_better=True, axis="PSNR, dB"),
    Metric("ssim", "SSIM", "", 4, more_is_better=True, axis="SSIM"),
    Metric("l1", "L1", "%", 3),
    Metric("lpips", "LPIPS", "", 4, axis="LPIPS by SqueezeNet", network="squeeze"),
    Metric("lpips_alex", "LPIPS, AlexNet", "", 4, axis="LPIPS by AlexNet, the witness", network="alex"),
    Metric("l1_hole", "L1 in holes", "%", 2, pooled="mean"),
    Metric("rmse_hole", "RMSE in holes", "", 2, pooled="root", axis="RMSE in holes, of 255"),
)
METRICS = {metric.column: metric for metric in _ALL}  # in the order of tables


@dataclass(frozen=True)
class Figures:
    """What one restored picture comes to.

    Attributes
    ----------
    l1
        Mean absolute error of the whole picture, in percent of the range.
    psnr
        Peak signal to noise ratio of the whole picture, dB, at most `EXACT_PSNR`.
    ssim
        Structural similarity of the whole picture, at most 1.
    l1_hole
        Mean absolute error of the hole pixels alone, in percent of the range.
    rmse_hole
        Root of the mean squared error of the hole pixels alone, in levels of 255.
    """

    l1: float
    psnr: float
    ssim: float
    l1_hole: float
    rmse_hole: float


def measure(truth: NDArray[np.uint8], restored: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Figures:
    """Compare a restored picture, its known pixels pasted back, with the undamaged one.

    Parameters
    ----------
    truth, restored
        uint8 [H, W] or [H, W, C], sides of at least 11 pixels.
    hole
        bool [H, W], True in at least one pixel.

    Returns
    -------
    Figures
        PSNR of an exact restoration is infinite, and one such picture would make a mean of any others infinite too. So
        PSNR counts as 100 dB at most, the same in every table; an 8-bit picture of more than 150,000 values comes
        above that where one value is off by one, and isn't told from an exact one by PSNR. L1 tells: it is 0 only of an
        exact one. L1 and the errors in holes need no such rule.

    Raises
    ------
    EvaluationError
        The pictures differ in shape, are too small, or there is no hole.

    Notes
    -----
    SSIM is scikit-image's, as its paper has it: a Gaussian window of sigma 1.5, no sample covariance, range 255, the
    mean over the channels.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", IEEE Transactions on Image Processing 13(4), 2004.

    Examples
    --------
    >>> truth, hole = np.full((16, 16), 100, np.uint8), np.zeros((16, 16), bool)
    >>> hole[4:8, 4:8] = True
    >>> found = measure(truth, np.where(hole, np.uint8(151), truth), hole)
    >>> round(found.l1, 2), round(found.l1_hole, 2), round(found.rmse_hole, 2), round(found.psnr, 2)
    (1.25, 20.0, 51.0, 26.02)
    >>> measure(truth, truth, hole).psnr
    100.0
    """
    if truth.shape != restored.shape or truth.shape[:2] != hole.shape:
        raise EvaluationError(
            f"The undamaged picture is {truth.shape}, the restored one {restored.shape}, the mask {hole.shape}: they "
            "must be of one size."
        )
    if min(hole.shape) < LEAST_SIDE:
        raise EvaluationError(
            f"The picture is {hole.shape[1]} x {hole.shape[0]} pixels, and SSIM needs {LEAST_SIDE} x {LEAST_SIDE}: "
            "take a larger one."
        )
    if not hole.any():
        raise EvaluationError("The mask has no hole, so there is nothing to judge: take another.")
    apart = restored[hole].astype(np.float64) - truth[hole]
    outside = restored[~hole].astype(np.float64) - truth[~hole]
    absolute, squares = np.abs(apart).sum() + np.abs(outside).sum(), np.square(apart).sum() + np.square(outside).sum()
    return Figures(
        l1=100 * float(absolute) / (255 * truth.size),
        psnr=psnr(float(squares) / truth.size),
        ssim=_ssim(truth, restored),
        l1_hole=100 * float(np.abs(apart).mean()) / 255,
        rmse_hole=float(np.sqrt(np.square(apart).mean())),
    )


def psnr(mean_square: float) -> float:
    """Return the PSNR of a mean squared error in levels of 255, in dB, at most `EXACT_PSNR`.

    >>> round(psnr(1.0), 2), psnr(0.0)
    (48.13, 100.0)
    """
    return min(EXACT_PSNR, float(10 * np.log10(255**2 / mean_square))) if mean_square > 0 else EXACT_PSNR


def _ssim(truth: NDArray[np.uint8], restored: NDArray[np.uint8]) -> float:
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise EvaluationError("SSIM needs scikit-image: pip install 'restauro[eval]'") from None
    return float(
        structural_similarity(
            truth,
            restored,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=-1 if truth.ndim == 3 else None,
        )
    )
