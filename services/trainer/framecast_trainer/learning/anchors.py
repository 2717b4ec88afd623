"""Anchors fitted to the data: cluster centres of the boxes' sizes, checked by the recall that they allow."""

import numpy as np
from numpy.typing import NDArray

Sizes = NDArray[np.float64]
"""[N, 2] widths and heights in input pixels."""


def best_possible_recall(sizes: Sizes, anchors: Sizes, ratio: float) -> float:
    """The share of boxes that some anchor matches, with both sides within `ratio` of the box's. 1 for no boxes."""
    if len(sizes) == 0:
        return 1.0
    return float((_fit(sizes, anchors).max(axis=1) > 1 / ratio).mean())


def fit_anchors(sizes: Sizes, count: int, ratio: float, seed: int, mutations: int = 500) -> Sizes:
    """Returns [count, 2], sorted by area: k-means on log sizes, then random changes that are kept where they help.

    What counts is the mean over boxes of the best anchor's fit, where it is good enough to be matched at all.
    """
    rng = np.random.default_rng(seed)
    sizes = sizes[(sizes >= 2).all(axis=1)]
    if len(sizes) > 20_000:
        sizes = rng.choice(sizes, 20_000, replace=False)
    if len(sizes) == 0:
        raise ValueError("no boxes to fit anchors to")
    anchors = np.exp(_k_means(np.log(sizes), count, rng))
    best = _score(sizes, anchors, ratio)
    for _ in range(mutations):
        change = np.exp(rng.normal(0, 0.1, anchors.shape) * (rng.random(anchors.shape) < 0.5))
        changed = np.maximum(anchors * change, 2.0)
        score = _score(sizes, changed, ratio)
        if score > best:
            anchors, best = changed, score
    order = np.argsort(anchors.prod(axis=1), kind="stable")
    return np.asarray(anchors[order])


def _fit(sizes: Sizes, anchors: Sizes) -> NDArray[np.float64]:
    """[N, A]: 1 where sides are equal, towards 0 as one of them differs."""
    ratio = sizes[:, None] / anchors[None]
    return np.asarray(np.minimum(ratio, 1 / ratio).min(axis=2))


def _score(sizes: Sizes, anchors: Sizes, ratio: float) -> float:
    fit = _fit(sizes, anchors).max(axis=1)
    return float((fit * (fit > 1 / ratio)).mean())


def _k_means(points: Sizes, count: int, rng: np.random.Generator, rounds: int = 30) -> Sizes:
    """Starts from quantiles of the area, jittered so that equal points may part."""
    order = np.argsort(points.sum(axis=1), kind="stable")
    start = order[np.linspace(0, len(points) - 1, count).round().astype(int)]
    centres = points[start] + rng.normal(0, 0.05, (count, 2))
    for _ in range(rounds):
        nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        for i in range(count):
            if (nearest == i).any():
                centres[i] = points[nearest == i].mean(axis=0)
    return np.asarray(centres)
