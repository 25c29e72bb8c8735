"""Telea's method on real paintings, beside OpenCV's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import restauro
from tests.promises.pictures import losses, net


@pytest.mark.shared
def test_paintings_come_out_better_than_by_opencv(shared: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
    listed = (Path(__file__).parents[1] / "benchmarks/tuning-set.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in listed if not line.startswith("#")]
    errors = []
    for k, name in enumerate(names[::9]):
        image = cv2.imread(str(shared / "data" / name))
        rng = np.random.default_rng(k)
        hole = (net if k % 2 else losses)(rng, image.shape[:2])
        ours = restauro.inpaint(image, hole, "telea")
        theirs = cv2.inpaint(image, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)
        errors.append([np.square(result[hole].astype(float) - image[hole]).mean() for result in (ours, theirs)])
    ours_mean, theirs_mean = np.log(errors).mean(axis=0)
    assert ours_mean < theirs_mean
