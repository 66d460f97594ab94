"""Identities that are used up in an epoch. Visible-infrared batches: the same people in both lights, visible first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.recipe import Sampler
from harness.training.sampler import epoch_batches, iterations_per_epoch

DDAG = Sampler(8, 4, infrared_images_per_identity=4)


def people(seed, count=10, most=6):
    """Labels and modality of ``count`` people with 1 to ``most`` images in each light, in any order."""
    rng = np.random.default_rng(seed)
    pairs = [
        (person, light) for person in range(count) for light in (False, True) for _ in range(rng.integers(1, most + 1))
    ]
    labels, infrared = np.array(pairs)[rng.permutation(len(pairs))].T
    return labels.astype(np.int64), infrared.astype(bool)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), identities=st.integers(1, 8), visible=st.integers(1, 4), infrared=st.integers(1, 4))
def test_a_batch_is_the_same_people_first_visible_then_infrared(seed, identities, visible, infrared):
    labels, flags = people(seed)
    sampler = Sampler(identities, visible, infrared_images_per_identity=infrared)
    for batch in epoch_batches(labels, sampler, seed, 0, flags):
        assert len(batch) == sampler.batch_size
        first, second = batch[: identities * visible], batch[identities * visible :]
        assert not flags[first].any() and flags[second].all()
        chosen = labels[first].reshape(identities, visible)
        assert (chosen == chosen[:, :1]).all() and len(set(chosen[:, 0])) == identities
        assert (labels[second].reshape(identities, infrared) == chosen[:, :1]).all()


def test_images_are_drawn_with_replacement_and_evenly():
    labels, flags = np.zeros(12, np.int64), np.repeat([False, True], [8, 4])
    sampler = Sampler(1, 4, infrared_images_per_identity=4)
    batches = np.concatenate([epoch_batches(labels, sampler, 0, epoch, flags) for epoch in range(200)])
    twice = np.mean([len(set(batch[:4])) < 4 for batch in batches])
    assert twice == pytest.approx(1 - (7 * 6 * 5) / 8**3, abs=0.05)
    share = np.bincount(batches[:, :4].ravel(), minlength=8) / batches[:, :4].size
    assert share == pytest.approx(np.full(8, 1 / 8), abs=0.03)


@pytest.mark.parametrize(("images", "infrared", "batches"), [(34_167, 11_909, 696), (4_120, 2_060, 65), (64, 32, 2)])
def test_an_epoch_has_the_batches_of_the_larger_modality_and_one_more(images, infrared, batches):
    assert iterations_per_epoch(images, DDAG, infrared) == batches
    assert iterations_per_epoch(images, DDAG, images - infrared) == batches


def test_people_whom_one_light_never_saw_take_no_part():
    labels, flags = people(1, count=9)
    alone = (labels == 8) & flags
    labels, flags = labels[~alone], flags[~alone]
    batches = epoch_batches(labels, DDAG, 0, 0, flags)
    assert {int(label) for batch in batches for label in labels[batch]} == set(range(8))
    with pytest.raises(BadInput, match="8 identities and a batch needs 9"):
        epoch_batches(labels, Sampler(9, 1, infrared_images_per_identity=1), 0, 0, flags)


def test_epochs_differ_and_a_repeated_epoch_does_not():
    labels, flags = people(2)
    first, again, other = (epoch_batches(labels, DDAG, 0, epoch, flags) for epoch in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_without_knowing_the_infrared_images_there_is_no_batch():
    with pytest.raises(BadInput, match="name infrared among the priors"):
        epoch_batches(people(0)[0], DDAG, 0, 0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    counts=st.lists(st.integers(1, 12), min_size=4, max_size=9),
    identities=st.integers(1, 4),
    images=st.integers(1, 4),
)
def test_used_up_identities_leave_the_epoch_until_too_few_are_left(seed, counts, identities, images):
    labels = np.repeat(np.arange(len(counts)), counts)
    batches = epoch_batches(labels, Sampler(identities, images, draw="used_up"), seed, 0)
    for batch in batches:
        people = labels[batch].reshape(identities, images)
        assert (people == people[:, :1]).all() and len(set(people[:, 0])) == identities
    drawn = np.concatenate(batches)
    many = np.isin(labels, np.flatnonzero(np.array(counts) >= images))
    assert np.bincount(drawn, minlength=len(labels))[many].max(initial=0) <= 1, "no image comes twice in an epoch"
    groups = np.array([max(1, count // images) for count in counts])
    left = groups - np.bincount(labels[drawn], minlength=len(counts)) // images
    assert (left >= 0).all() and np.count_nonzero(left) < identities


def test_each_group_of_the_sampler_deals_all_images_for_itself():
    labels = np.repeat(np.arange(8), 4)
    batches = epoch_batches(labels, Sampler(4, 4, groups=2, draw="used_up"), 0, 0)
    assert len(batches) == 2
    for group in (slice(0, 16), slice(16, 32)):
        assert sorted(np.concatenate([batch[group] for batch in batches])) == list(range(32))


def test_an_identity_of_few_images_repeats_some_to_be_drawn_at_all():
    (batch,) = epoch_batches(np.array([0, 1, 1, 1]), Sampler(2, 3, draw="used_up"), 0, 0)
    assert sorted(batch) == [0, 0, 0, 1, 2, 3]


def test_markets_identities_are_used_up_after_most_of_its_images():
    counts = np.random.default_rng(0).geometric(1 / 17.2, 751) + 1
    labels = np.repeat(np.arange(751), counts)
    sampler = Sampler(16, 4, draw="used_up")
    found, most = len(epoch_batches(labels, sampler, 0, 0)), iterations_per_epoch(len(labels), sampler)
    assert 0.75 * most < found <= most
