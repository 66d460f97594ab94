"""IDE: the network that MPN's trunk starts from."""

from __future__ import annotations

import pytest
import torch

from harness.errors import BadInput
from harness.models.initialisation import load_trunk
from harness.models.reid import Batch
from methods.ide import METHOD, IDESwitches
from methods.mpn import METHOD as MPN
from methods.mpn import MPNSwitches


def batch_of(images: int) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.randn(images, 3, 64, 32), torch.arange(images) % 5, torch.zeros(images), torch.arange(images))


def test_feature_is_512_wide_and_does_not_depend_on_the_other_images():
    model = METHOD.build(IDESwitches(), 5, "resnet10").eval()
    images = batch_of(4).images
    features = model.embed(images)[METHOD.embedding(IDESwitches())]
    assert features.shape == (4, 512)
    torch.testing.assert_close(model.embed(images[2:3])["feature"], features[2:3], rtol=1e-4, atol=1e-5)


def test_dropout_acts_on_the_classifier_only():
    model = METHOD.build(IDESwitches(), 5, "resnet10").train()
    batch = batch_of(8)
    torch.nn.init.normal_(model.classifier.weight)
    assert torch.equal(model.embed(batch.images)["feature"], model.embed(batch.images)["feature"])
    assert not torch.equal(model(batch), model(batch))


def test_two_steps_move_every_parameter():
    model = METHOD.build(IDESwitches(), 5, "resnet10").train()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(2):
        batch = batch_of(8)
        sum(model.losses(model(batch), batch).values()).backward()
        optimiser.step()
        optimiser.zero_grad()
    # The bias before a BN is cancelled by it: its gradient is zero up to rounding.
    still = [n for n, p in model.named_parameters() if torch.equal(p, before[n]) and n != "bottleneck.0.bias"]
    assert still == []


def test_its_trunk_starts_an_mpn_of_the_same_profile():
    ide, mpn = METHOD.build(IDESwitches(), 5, "resnet10"), MPN.build(MPNSwitches(), 5, "resnet10")
    assert load_trunk(mpn, ide.trunk.state_dict(), "IDE")["missing"] == []
    for profile in ("demo", "budget", "paper"):
        recipe = MPN.recipe(MPNSwitches(), "market1501", profile)
        start = METHOD.recipe(METHOD.parse(dict(recipe.initialisation.switches), "MPN's start"), "market1501", profile)
        assert recipe.initialisation.method == METHOD.id
        assert (start.backbone, start.height, start.width) == (recipe.backbone, recipe.height, recipe.width)


def test_the_paper_profile_trains_new_layers_ten_times_as_fast_as_the_trunk():
    recipe = METHOD.recipe(IDESwitches(), "market1501", "paper")
    assert recipe.optimiser.rate == 0.05 and recipe.optimiser.multipliers == (("trunk.", 0.1),)
    assert recipe.sampler.batch_size == 32 and recipe.epochs == 60 and recipe.schedule.milestones == (40,)


@pytest.mark.parametrize("profile", ["demo", "budget"])
def test_demo_and_budget_start_from_scratch_so_nothing_is_fetched(profile):
    assert METHOD.recipe(IDESwitches(), "synthetic", profile).initialisation.kind == "scratch"


def test_an_unknown_kind_of_attention_is_refused_in_one_sentence():
    with pytest.raises(BadInput, match="spatial_attention must be one of none, rga_s"):
        METHOD.parse({"spatial_attention": "cbam"}, "row 1")
