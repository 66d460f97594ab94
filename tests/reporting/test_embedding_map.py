"""The embedding map keeps far apart what the features keep far apart, and chooses whole people."""

import numpy as np

from harness.reporting.embedding_map import MOST_IMAGES, SIDE, embedding_map, mapped_rows


def test_two_groups_of_features_stand_apart():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 8)).astype(np.float32)
    features[20:] += 20
    places = embedding_map(features)
    x = np.array(places["x"])
    assert abs(x[:20].mean() - x[20:].mean()) > SIDE / 2
    assert places["variance"] > 90 and min(places["y"]) >= 0 and max(places["x"]) == SIDE


def test_equal_features_have_one_place():
    places = embedding_map(np.ones((3, 4), np.float32))
    assert set(places["x"]) == {0} and places["variance"] == 0


def test_people_are_mapped_with_all_their_images_and_strangers_are_left_out():
    people = np.repeat(np.arange(1, 201), 2)
    identities = np.concatenate((people, people, people, np.zeros(50, int)))
    rows = mapped_rows(identities, len(people))
    assert 0 < len(rows) < MOST_IMAGES + 6 and 0 not in identities[rows]
    assert all(np.count_nonzero(identities[rows] == person) == 6 for person in set(identities[rows].tolist()))
