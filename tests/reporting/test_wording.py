"""Messages on a page: without what only one machine knows."""

import pytest

from harness.reporting.wording import moment, plain_message, signed


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("[Errno 2] No such file: '/data/my images/runs/a/scores.npz'", "No such file: 'scores.npz'"),
        ('  File "/opt/python/torch/nn/module.py", line 3', '  File "module.py", line 3'),
        ("rn50.pth is not in /root/.cache/torch/hub; fetch it", "rn50.pth is not in hub; fetch it"),
        ("~/.cache/torch/hub: not there", "hub: not there"),
        ("/data/records/a.json: damaged", "a.json: damaged"),
    ],
)
def test_a_path_keeps_its_last_name_and_an_error_no_number(message, shown):
    assert plain_message(message) == shown


@pytest.mark.parametrize("message", ["runs/ab/strips.npz was not kept", "812 images/s", "w/o x/y", "3 / 4 and / or"])
def test_what_is_no_path_of_the_machine_stays(message):
    assert plain_message(message) == message


def test_a_difference_of_nothing_has_no_sign():
    assert [signed(value) for value in (0.04, -0.04, 0.05001, -3)] == ["0.0", "0.0", "+0.1", "−3.0"]


def test_a_time_reads_well():
    assert moment("2026-11-06T20:27:13+00:00") == "6 Nov 2026, 20:27"
