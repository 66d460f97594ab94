"""The table of speeds: turns, ratios and what is required."""

import pytest

from benchmarks.speed import Comparison, Other, compared, table


def seconds(*values):
    """Work that takes these seconds, turn by turn."""
    left = iter(values)
    return lambda: next(left)


def test_the_ratio_is_our_speed_divided_by_theirs_in_the_median_turn():
    # Twice, four times and eight times as fast; the machine was slow in the last turn.
    line = Comparison("ranking", False, [1.0, 1.0, 10.0], Other("peer", "theirs", None), [2.0, 4.0, 80.0])
    assert line.ratio == 4


def test_turns_alternate_and_a_slow_peer_takes_fewer():
    order = []

    def named(name, taken):
        def turn():
            order.append(name)
            return taken

        return turn

    others = [Other("limit", "bare", named("bare", 1.0)), Other("peer", "slow", named("slow", 9.0), turns=1)]
    limit, peer = compared("loop", named("ours", 2.0), others, 2, per_image=False)
    assert order == ["ours", "bare", "slow", "ours", "bare"]
    assert (limit.ratio, peer.ratio) == (0.5, 4.5)


@pytest.mark.parametrize(("theirs", "short"), [(0.8, False), (0.79, True)])
def test_a_ratio_below_the_required_one_falls_short(theirs, short):
    (line,) = compared("ranking", seconds(1.0), [Other("limit", "bare", seconds(theirs), at_least=0.8)], 1, False)
    assert line.falls_short == short


def test_a_peer_that_is_not_installed_has_a_line_and_fails_nothing():
    (line,) = compared("input", seconds(0.001), [Other("peer", "torchreid", None, at_least=5)], 1, per_image=True)
    assert line.ratio is None and not line.falls_short
    assert "not installed" in table([line])


def test_the_table_shows_images_per_second_or_seconds_and_what_is_required():
    found = compared("input", seconds(0.001), [Other("peer", "torchreid", seconds(0.01), at_least=5)], 1, True)
    found += compared("ranking", seconds(1.2), [Other("limit", "bare product", seconds(1.02), at_least=0.8)], 1, False)
    heading, first, second = table(found).splitlines()
    assert heading.split() == ["what", "ours", "beside", "theirs", "ratio", "required"]
    assert first.split("  ")[0] == "input"
    assert " ".join(first.split()) == "input 1,000 images/s peer: torchreid 100 images/s 10 at least 5"
    assert " ".join(second.split()) == "ranking 1.20 s limit: bare product 1.02 s 0.85 at least 0.8"
