from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from restauro.numerics.crack_profile import profile


def _expected(hole: NDArray[np.bool_], reach: int) -> NDArray[np.float64]:
    """The same by SciPy's distances, in a picture whose surroundings are hole."""
    wide = np.pad(hole, reach + 1, constant_values=True)
    far = ndimage.distance_transform_edt(wide) if not wide.all() else np.full(wide.shape, np.inf)
    near = np.where(wide, np.minimum(far, reach), 0)[reach + 1 : -reach - 1, reach + 1 : -reach - 1]
    most = ndimage.maximum_filter(near, 3, mode="constant")
    own, most = near[hole], most[hole]
    shares: NDArray[np.float64] = 1 - (1 - own / most) / own
    return shares


@given(st.integers(1, 25), st.integers(1, 25), st.integers(1, 4), st.integers(0, 999))
def test_it_is_what_distances_say(height: int, width: int, reach: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hole = ndimage.binary_opening(rng.random((height, width)) < rng.random(), iterations=int(rng.integers(1, 3)))
    hole |= rng.random((height, width)) < 0.1
    rows, columns = np.nonzero(hole)
    found = profile(hole, rows, columns, reach)
    np.testing.assert_allclose(found, _expected(hole, reach), rtol=1e-12)
