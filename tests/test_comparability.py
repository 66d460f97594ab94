"""Why a figure cannot be set against a published one: whose priors it was made with."""

from types import SimpleNamespace

import pytest

from harness.execution.comparability import reasons
from harness.method import Method
from methods.pgfl_kd import METHOD

PASSPORT = SimpleNamespace(variant="official")
STARTED = {"initialisation": {"source": "ImageNet"}}


def read(provider: str, kinds: str = "keypoints") -> dict[str, str]:
    return {"kinds": kinds, "provider": provider, "fingerprint": "0"}


def reasons_with(priors: dict[str, dict[str, str]], dataset: str = "market1501", method: Method = METHOD) -> list[str]:
    switches = method.switches()
    run = SimpleNamespace(method=method, switches=switches, dataset=dataset, parent=None)
    planned = SimpleNamespace(cell=SimpleNamespace(profile="paper", dataset=dataset))
    return reasons(run, planned, STARTED, PASSPORT, None, priors)


def test_keypoints_of_another_estimator_are_a_reason_and_each_is_named_once():
    assert reasons_with({}) == []
    (reason,) = reasons_with({"train": read("file a.npz")})
    assert reason == "priors: file a.npz, not the paper's estimator"
    (reason,) = reasons_with({"train": read("file a.npz"), "query": read("file b.npz"), "gallery": read("file b.npz")})
    assert reason == "priors: file a.npz and file b.npz, not the paper's estimator"


@pytest.mark.parametrize(
    ("priors", "dataset"),
    [
        ({"train": read("infrared by the cameras of sysu_all", "infrared")}, "sysu_all"),
        ({"train": read("synthetic_occluded truth")}, "synthetic_occluded"),
    ],
)
def test_what_is_known_and_not_estimated_is_no_such_reason(priors, dataset):
    assert not [reason for reason in reasons_with(priors, dataset) if "estimator" in reason]
