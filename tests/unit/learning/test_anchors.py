"""Anchors: recall, fit, order."""

import numpy as np
import pytest

from framecast_trainer.learning.anchors import best_possible_recall, fit_anchors


def test_recall_counts_boxes_within_the_ratio_of_some_anchor():
    sizes = np.array([[10.0, 10.0], [39.0, 39.0], [41.0, 10.0], [2.0, 10.0]])
    assert best_possible_recall(sizes, np.array([[10.0, 10.0]]), ratio=4) == 0.5
    assert best_possible_recall(np.zeros((0, 2)), np.array([[10.0, 10.0]]), ratio=4) == 1


def test_fitted_anchors_find_separated_sizes_in_order_of_area():
    rng = np.random.default_rng(0)
    true = np.array([[8.0, 12.0], [30.0, 30.0], [90.0, 40.0]])
    sizes = np.concatenate([centre * np.exp(rng.normal(0, 0.05, (100, 2))) for centre in true])
    fitted = fit_anchors(sizes, 3, ratio=4, seed=1)
    np.testing.assert_allclose(fitted, true, rtol=0.1)


def test_the_same_seed_gives_the_same_anchors():
    sizes = np.random.default_rng(0).uniform(5, 100, (300, 2))
    np.testing.assert_array_equal(fit_anchors(sizes, 9, 4, seed=7), fit_anchors(sizes, 9, 4, seed=7))


def test_fewer_boxes_than_anchors_still_give_anchors():
    fitted = fit_anchors(np.array([[20.0, 30.0]]), 9, 4, seed=0)
    assert fitted.shape == (9, 2)
    assert (fitted > 0).all()


def test_no_boxes_are_refused():
    with pytest.raises(ValueError, match="no boxes"):
        fit_anchors(np.zeros((0, 2)), 9, 4, seed=0)
