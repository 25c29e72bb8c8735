"""Navier-Stokes inpainting: vorticity flows along the isophotes into the hole, the intensity follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Memory, Method, Task
from restauro.parameters import Parameter


@dataclass(frozen=True)
class NavierStokes(Method):
    """Navier-Stokes inpainting: intensity as the stream function of a fluid.

    Source: M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting",
    CVPR 2001, doi:10.1109/CVPR.2001.990497. Time and memory are in proportion to the hole pixels and those within 8
    pixels of them. The wrong choice where there is texture to be restored: it is smooth inside.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.where(np.arange(40) < 20, 0.2, 0.8)[:, np.newaxis] * np.ones(40)
    >>> mask = np.zeros((40, 40), bool)
    >>> mask[:, 15:25] = True
    >>> restored = restauro.inpaint(np.where(mask, 0, image), mask, "navier-stokes")
    >>> bool(np.abs(restored - image).max() < 0.1)
    True
    """

    name: ClassVar[str] = "navier-stokes"
    title: ClassVar[str] = "Navier-Stokes (Bertalmio, Bertozzi, Sapiro)"
    reference: ClassVar[str] = (
        "M. Bertalmio, A. L. Bertozzi, G. Sapiro, Navier-Stokes, fluid dynamics, and image and video inpainting, "
        "CVPR 2001"
    )
    summary: ClassVar[str] = (
        "Good for cracks, scratches and strokes up to some 20 pixels wide that edges cross: it carries them through, "
        "straight or gently bent; smooth between them."
    )
    nature: ClassVar[str] = "interpolates"
    whole_hole: ClassVar[bool] = True
    memory: ClassVar[Memory] = Memory(a_pixel=600, a_run=14_000)

    friction: Annotated[
        float,
        Parameter(
            "how fast vorticity fades where there are no clear isophotes: large is nearer to the harmonic fill, small "
            "carries faint edges further",
            minimum=0,
            maximum=1000,
        ),
    ] = 2.0

    def reach(self, depth: float) -> int:
        """Read the vorticity and the isophotes of the surroundings; the hole itself isn't cut."""
        from restauro.numerics.navier_stokes import REACH

        return REACH

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: transport and Poisson's equation in turn, until the flow is steady."""
        from restauro.numerics.navier_stokes import navier_stokes

        values, _ = navier_stokes(image, task.domain, self.friction, task)
        return task.wanted_of(values)
