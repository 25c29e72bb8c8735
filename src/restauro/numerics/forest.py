"""A random forest's vote for many pixels at once; scikit-learn's own takes ten times as long."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import orderly_kernel

LEAF = -1


def flattened(forest: Any) -> tuple[Any, ...]:
    """Return the trees of a scikit-learn forest of two classes as flat arrays, as `votes` takes them."""
    trees = [tree.tree_ for tree in forest.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])
    left = _joined([tree.children_left for tree in trees], roots)
    right = _joined([tree.children_right for tree in trees], roots)
    features = np.concatenate([tree.feature for tree in trees])
    thresholds = np.concatenate([tree.threshold for tree in trees])
    values = np.concatenate([tree.value[:, 0, :] for tree in trees])
    shares = values[:, 1] / values.sum(axis=1)
    return roots[:-1], left, right, features, thresholds, shares


def _joined(children: list[Any], roots: Any) -> Any:
    """Return the trees' nodes' children as places in the flat arrays."""
    return np.concatenate([np.where(one < 0, LEAF, one + root) for one, root in zip(children, roots[:-1], strict=True)])


def votes(samples: Any, trees: tuple[Any, ...], out: Any, few: int = 1 << 30, least: float = 0.0) -> None:
    """Set out, float32 [n], to the mean over the trees of the share of the second class; samples: float32 [F, n].

    Where the first `few` trees give less than `least` on average, that is taken: most of a picture is sound.
    """
    roots, left, right, feature, threshold, share = trees
    _vote(samples, roots, left, right, feature, threshold, share, few, least, out)


@orderly_kernel("f4[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1], i8, f8, f4[::1]")
def _vote(
    X: Any,
    roots: Any,
    left: Any,
    right: Any,
    feature: Any,
    threshold: Any,
    share: Any,
    few: int,
    least: float,
    out: Any,
) -> None:
    for i in range(X.shape[1]):
        total = 0.0
        asked = 0
        while asked < roots.shape[0] and not (asked == few and total < least * few):
            node = roots[asked]
            while left[node] != LEAF:
                node = left[node] if X[feature[node], i] <= threshold[node] else right[node]
            total += share[node]
            asked += 1
        out[i] = total / asked
