"""Holes are filled by a network of partial convolutions: each layer looks at known pixels only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from restauro.methods.network import MODEL_NAMES, Network
from restauro.parameters import TextParameter


@dataclass(frozen=True)
class PartialConvolution(Network):
    """The layers of Liu et al., trained to correct a fill on paintings; all else is as of `network`.

    A convolution is taken of the known pixels of its window alone and scaled up by how many these are; a pixel whose
    window knows any is known from then on (equations 1 and 2). What such a layer is worth shows beside `network`, whose
    model sees the fill and the mask and convolves both as they are.

    Source: G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, "Image inpainting for irregular holes
    using partial convolutions", ECCV 2018, doi:10.1007/978-3-030-01252-6_6.

    Examples
    --------
    >>> PartialConvolution().model
    'paintings-pconv'
    """

    name: ClassVar[str] = "partial-convolution"
    title: ClassVar[str] = "Partial convolutions (Liu et al.)"
    summary: ClassVar[str] = (
        "A network of the founding paper's layers, on paintings: to compare with. The method network, whose model has "
        "ordinary ones, is nearer to the truth."
    )

    model: Annotated[str, TextParameter("the network", MODEL_NAMES, metavar="NAME|FILE")] = "paintings-pconv"
