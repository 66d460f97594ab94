"""Rank-1 on training images tells whether a training has learnt its people."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.datasets.base import Split
from harness.runs.convergence import MOST_IMAGES, _rows, training_rank1
from harness.training.machine import Machine

CPU = Machine(torch.device("cpu"), bfloat16=False)


class MeanColour(torch.nn.Module):
    """Embeds an image by its mean colour."""

    def embed(self, images, priors):
        return {"colour": images.mean(dim=(2, 3))}


def split(identities, cameras):
    return Split(tuple(f"{number}.png" for number in range(len(identities))), np.array(identities), np.array(cameras))


def images(colours):
    return np.repeat(np.array(colours, dtype=np.uint8), 8 * 4, axis=0).reshape(len(colours), 8, 4, 3)


RED, BLUE = (200, 10, 10), (10, 10, 200)


def rank1(colours, identities, cameras):
    return training_rank1(MeanColour(), images(colours), split(identities, cameras), {}, "colour", CPU)


def test_people_who_look_alike_in_both_cameras_are_all_found():
    assert rank1([RED, RED, BLUE, BLUE], [1, 1, 2, 2], [1, 2, 1, 2]) == 100


def test_people_who_swap_colours_between_cameras_are_all_missed():
    assert rank1([RED, BLUE, BLUE, RED], [1, 1, 2, 2], [1, 2, 1, 2]) == 0


def test_an_image_of_the_same_camera_is_no_match():
    assert rank1([RED, RED, BLUE, BLUE, RED], [1, 1, 1, 2, 2], [1, 1, 2, 1, 2]) < 100


def test_where_nobody_is_seen_by_two_cameras_there_is_no_figure():
    assert rank1([RED, RED, BLUE], [1, 1, 2], [1, 1, 2]) is None


@pytest.mark.parametrize("people", [10, 5_000])
def test_of_a_large_training_set_whole_people_are_left_out(people):
    identities, cameras = np.repeat(np.arange(people), 4), np.tile([1, 1, 2, 2], people)
    rows = _rows(split(identities, cameras))
    assert 0 < len(rows) <= MOST_IMAGES
    assert set(np.unique(identities[rows], return_counts=True)[1]) == {4}
