"""Networks of torchvision and timm as trunks, cut into stages."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import mobilenet_v2

from harness import registry
from harness.errors import BadInput
from harness.models.backbone import ResNet, build_backbone, resnet_part, trunk_part
from harness.models.catalogue import NetworkSpec, TrunkNeeds, trunk_spec
from harness.models.initialisation import load_trunk
from harness.models.stages import WholeNetwork, layout, require_stages
from harness.models.weights import file_weights, imagenet_weights

MOBILENET = NetworkSpec("torchvision", "mobilenet_v2")


@pytest.fixture(scope="module")
def network():
    """torchvision's network with weights of its own and running statistics that are not the initial ones."""
    torch.manual_seed(0)
    network = mobilenet_v2()
    network.train()(torch.randn(2, 3, 64, 64))
    return network.eval()


@pytest.fixture(scope="module")
def image():
    return torch.linspace(-1, 1, 2 * 3 * 128 * 64).reshape(2, 3, 128, 64)


class Trunk(nn.Module):
    """The part of a model that is loaded."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk


def test_a_stage_begins_where_the_map_gets_smaller():
    found = layout(MOBILENET)
    assert found.channels == (16, 24, 32, 96, 1280)
    assert [paths[0] for paths in found.stages] == [
        "features.0.0",
        "features.2",
        "features.4",
        "features.7",
        "features.14",
    ]
    assert found.spare == ("classifier.",)


def test_with_stride_two_the_trunk_is_the_librarys_network(network, image):
    trunk = trunk_part("mobilenet_v2", 0, 4, last_stride=2).eval()
    load_trunk(Trunk(trunk), network.state_dict(), "the network")
    with torch.no_grad():
        assert torch.equal(trunk(image), network.features(image))


def test_the_last_stage_keeps_the_size_of_the_one_before(image):
    trunk = build_backbone("mobilenet_v2").eval()
    with torch.no_grad():
        assert trunk(image).shape == (2, trunk.channels, 8, 4) == (2, 1280, 8, 4)


def test_parts_in_a_row_are_the_whole_trunk(network, image):
    parts = nn.ModuleList(
        [trunk_part("mobilenet_v2", 0, 0), trunk_part("mobilenet_v2", 1, 3), trunk_part("mobilenet_v2", 4, 4)]
    )
    whole = build_backbone("mobilenet_v2").eval()
    for model in (parts, whole):
        load_trunk(Trunk(model), network.state_dict(), "the network")
    with torch.no_grad():
        features = image
        for part in parts.eval():
            features = part(features)
        assert torch.equal(features, whole(image))


def test_parameters_keep_the_librarys_names(network):
    names = build_backbone("mobilenet_v2").state_dict().keys()
    assert names == {name for name in network.state_dict() if name.startswith("features.")}


def test_finding_the_stages_draws_no_random_number():
    torch.manual_seed(3)
    layout.cache_clear()
    layout(MOBILENET)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)


def test_weights_of_a_file_are_loaded_strictly_and_counted(network, tmp_path):
    weights = {name: value for name, value in network.features.state_dict(prefix="features.").items() if value.dim()}
    for path in (tmp_path / "w.safetensors", tmp_path / "w.pth"):
        save_file(weights, path) if path.suffix == ".safetensors" else torch.save({"state_dict": weights}, path)
        model = Trunk(build_backbone("mobilenet_v2"))
        assert load_trunk(model, file_weights(path), path.name)["matched"] == 260
        assert torch.equal(model.trunk.state_dict()["features.18.0.weight"], weights["features.18.0.weight"])
    del weights["features.3.conv.2.weight"]
    with pytest.raises(BadInput, match=r"1 missing: features\.3\.conv\.2\.weight, 0 unexpected"):
        load_trunk(Trunk(build_backbone("mobilenet_v2")), weights, "w")


def test_weights_of_another_trunk_are_refused(network):
    with pytest.raises(BadInput, match="does not fit the trunk"):
        load_trunk(Trunk(build_backbone("resnet10")), network.state_dict(), "mobilenet_v2.pth")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_without_weights_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(BadInput, match=name):
        file_weights(tmp_path / name)
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(BadInput, match=r"empty\.pth holds no tensors by name"):
        file_weights(tmp_path / "empty.pth")


def test_published_weights_are_looked_for_under_torchvisions_file_name(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    reason = (None, "mobilenet_v2-b0353104.pth is not in torch's hub folder")
    assert imagenet_weights("mobilenet_v2", fetch=False) == reason
    assert imagenet_weights("torchvision:mobilenet_v2", fetch=False) == reason
    assert imagenet_weights("timm:mobilenetv2_100", fetch=False) == (
        None,
        "none are published for timm:mobilenetv2_100",
    )


@pytest.mark.parametrize("method_id", ["agw", "mgn"])
def test_a_method_that_cuts_between_blocks_refuses_a_network(method_id):
    method = registry.method(method_id)
    with pytest.raises(BadInput, match="cannot be cut between the blocks of a stage"):
        require_stages("mobilenet_v2", method.trunk(method.switches()))
    with pytest.raises(BadInput, match="cut between its stages only"):
        method.build(method.switches(), 3, "mobilenet_v2")


def test_a_trunk_without_a_stage_that_is_needed_is_refused_in_one_sentence():
    with pytest.raises(BadInput, match=r"'torchvision:vit_b_16' has no stage 2, 3 that can be cut out") as error:
        require_stages("torchvision:vit_b_16", TrunkNeeds(stages=(2, 3)))
    assert "\n" not in str(error.value)
    require_stages("mobilenet_v2", TrunkNeeds(stages=(0, 1, 2, 3, 4)))
    require_stages("a plugin's own trunk", TrunkNeeds(stages=(4,)))


def test_resnets_of_the_catalogue_are_built_as_before():
    assert isinstance(trunk_part("resnet10", 0, 4), ResNet) and isinstance(resnet_part("resnet10", 1, 2), ResNet)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mobilenet_v3", "the nearest known: 'mobilenet_v2'"),
        ("torchvision:", "unknown backbone"),
        ("torchvision:mobilnet_v2", "unknown network of torchvision 'mobilnet_v2'; the nearest known: 'mobilenet_v2'"),
        ("timm:mobilnetv2_100", "unknown network of timm"),
        ("torchvision:vit_b_16", "gives no map"),
    ],
)
def test_a_name_or_a_network_that_cannot_be_used_is_told(name, message):
    pytest.importorskip("timm")
    with pytest.raises(BadInput, match=message):
        build_backbone(name)


def test_spatial_attention_follows_each_stage_and_needs_a_known_size(image):
    with torch.no_grad():
        assert build_backbone("mobilenet_v2", "rga_s").eval()(image).shape == (2, 1280, 8, 4)
    with pytest.raises(BadInput, match="spatial attention is built for stages"):
        build_backbone("torchvision:mobilenet_v2", "rga_s")


@pytest.mark.parametrize("name", ["timm:mobilenetv2_100", "timm:convnext_atto", "torchvision:shufflenet_v2_x0_5"])
def test_networks_of_both_libraries_give_a_map_of_a_sixteenth(name, image):
    pytest.importorskip("timm")
    trunk = build_backbone(name).eval()
    with torch.no_grad():
        assert trunk(image).shape == (2, trunk.channels, 8, 4)


def test_a_transformer_of_timm_is_read_at_its_end(image):
    pytest.importorskip("timm")
    trunk = build_backbone("timm:vit_tiny_patch16_224").eval()
    assert isinstance(trunk, WholeNetwork)
    with torch.no_grad():
        assert trunk(image).shape == (2, 192, 8, 4)


def test_every_named_network_has_a_specification():
    assert trunk_spec("mobilenet_v2").input_size == (128, 64)
    assert trunk_spec("timm:anything") == NetworkSpec("timm", "anything")
