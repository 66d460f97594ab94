"""The trunks: their sizes, their names, their weights, and spatial attention against a loop."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import urllib.error

import pytest
import torch
import torchvision
from torch import nn

from harness.errors import BadInput
from harness.models import weights as imagenet
from harness.models.backbone import build_backbone
from harness.models.initialisation import load_trunk
from harness.models.reid import ReIDModel
from harness.models.rga import SpatialAttention


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class Network(ReIDModel):
    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk


def meta_trunk(name: str, **options) -> nn.Module:
    with torch.device("meta"):
        return build_backbone(name, **options)


def test_resnet50_trunk_has_the_published_number_of_parameters():
    assert parameters(meta_trunk("resnet50")) == 23_508_032


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_names_and_shapes_are_torchvisions_without_the_classifier(name):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)().state_dict()
    ours = meta_trunk(name).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items() if not k.startswith("fc.")}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_same_weights_give_torchvisions_features_once_its_last_stride_is_one(name):
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)()
    first = theirs.layer4[0]
    (first.conv1 if name == "resnet18" else first.conv2).stride = (1, 1)
    first.downsample[0].stride = (1, 1)
    ours = build_backbone(name)
    load_trunk(Network(ours), theirs.state_dict(), "torchvision")
    images = torch.randn(2, 3, 64, 32)
    stem = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
    expected = theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(stem))))
    torch.testing.assert_close(ours(images), expected)


@pytest.mark.parametrize(("name", "channels"), [("resnet50", 2048), ("resnet18", 512), ("resnet10", 256)])
def test_features_are_a_sixteenth_of_the_image(name, channels):
    trunk = meta_trunk(name)
    assert trunk.channels == channels
    assert trunk(torch.zeros(1, 3, 384, 128, device="meta")).shape == (1, channels, 24, 8)


def test_an_unknown_backbone_offers_the_nearest():
    with pytest.raises(BadInput, match="resnet50"):
        build_backbone("resnet51")


def test_spatial_attention_adds_4638080_parameters_at_384x128():
    plain, gated = meta_trunk("resnet50"), meta_trunk("resnet50", spatial_attention="rga_s", height=384, width=128)
    assert parameters(gated) - parameters(plain) == 4_638_080


def test_spatial_attention_gates_each_position_by_its_relations_with_all_others():
    torch.manual_seed(0)
    height, width = 4, 4
    attention = SpatialAttention(16, height, width).eval()
    features = torch.randn(2, 16, height, width)
    theta, phi, own = attention.theta(features), attention.phi(features), attention.own(features)
    nodes = [(row, column) for row in range(height) for column in range(width)]
    relations = torch.zeros(2, 2 * len(nodes), height, width)
    for row, column in nodes:
        for other, (r, c) in enumerate(nodes):
            relations[:, other, row, column] = (theta[:, :, row, column] * phi[:, :, r, c]).sum(1)
            relations[:, len(nodes) + other, row, column] = (theta[:, :, r, c] * phi[:, :, row, column]).sum(1)
    joint = torch.cat([own.mean(1, keepdim=True), attention.relation(relations)], 1)
    torch.testing.assert_close(attention(features), features * torch.sigmoid(attention.gate(joint)))


def test_spatial_attention_refuses_another_image_size():
    trunk = build_backbone("resnet10", "rga_s", 64, 32).eval()
    assert trunk(torch.zeros(1, 3, 64, 32)).shape == (1, 256, 4, 2)
    with pytest.raises(BadInput, match="built for 16x8"):
        trunk(torch.zeros(1, 3, 128, 64))


def test_loading_says_what_matched_and_copies_every_weight():
    source, model = build_backbone("resnet10"), Network(build_backbone("resnet10"))
    report = load_trunk(model, source.state_dict(), "a file")
    assert report == {"source": "a file", "matched": len(source.state_dict()), "missing": [], "unexpected": []}
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), model.trunk.parameters(), strict=True))


@pytest.mark.parametrize("damage", ["missing", "unexpected", "reshaped"])
def test_a_trunk_that_does_not_fit_is_refused_and_nothing_is_loaded(damage):
    weights = build_backbone("resnet10").state_dict()
    if damage == "missing":
        del weights["layer1.0.conv1.weight"]
    elif damage == "unexpected":
        weights["layer9.weight"] = torch.zeros(1)
    else:
        weights["layer1.0.conv1.weight"] = torch.zeros(1)
    model = Network(build_backbone("resnet10"))
    before = model.trunk.conv1.weight.clone()
    with pytest.raises(BadInput, match=r"other\.pt does not fit the trunk"):
        load_trunk(model, weights, "other.pt")
    assert torch.equal(model.trunk.conv1.weight, before)


def test_only_imagenet_weights_may_lack_the_attention():
    plain = build_backbone("resnet10").state_dict()
    model = Network(build_backbone("resnet10", "rga_s", 64, 32))
    with pytest.raises(BadInput, match="missing"):
        load_trunk(model, plain, "a plain IDE")
    report = load_trunk(model, {**plain, "fc.weight": torch.zeros(2)}, "ImageNet")
    assert report["unexpected"] == ["fc.weight"]
    assert report["missing"] and all(name.startswith("attention.") for name in report["missing"])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def no_network(*arguments, **options):
    raise urllib.error.URLError("no route to host")


def test_imagenet_weights_that_cannot_be_had_give_the_reason_and_leave_nothing(hub, monkeypatch):
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    found, reason = imagenet.imagenet_weights("resnet50")
    assert found is None and "no route to host" in reason
    assert list(hub.iterdir()) == []


def test_imagenet_weights_are_read_from_the_hub_folder_without_any_network(hub, monkeypatch):
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    torch.save({"conv1.weight": torch.ones(2)}, hub / "weights.pth")
    digest = hashlib.sha256((hub / "weights.pth").read_bytes()).hexdigest()[:8]
    (hub / "weights.pth").rename(hub / f"tiny-{digest}.pth")
    monkeypatch.setitem(imagenet.FILES, "resnet18", f"tiny-{digest}.pth")
    found, source = imagenet.imagenet_weights("resnet18")
    assert torch.equal(found["conv1.weight"], torch.ones(2)) and digest in source


@pytest.fixture
def server(hub, tmp_path, monkeypatch):
    """A folder that stands for the server, with one published file of weights."""
    folder = tmp_path / "server"
    folder.mkdir()
    torch.save({"conv1.weight": torch.ones(2)}, folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(imagenet, "SERVER", folder.as_uri())
    monkeypatch.setitem(imagenet.FILES, "resnet18", f"tiny-{digest}.pth")
    return (folder / "weights.pth").rename(folder / f"tiny-{digest}.pth")


def test_fetched_imagenet_weights_can_be_read_by_all_whom_the_umask_lets(hub, server):
    before = os.umask(0o027)
    try:
        found, _ = imagenet.imagenet_weights("resnet18")
    finally:
        os.umask(before)
    assert torch.equal(found["conv1.weight"], torch.ones(2))
    assert [path.name for path in hub.iterdir()] == [server.name]
    assert stat.S_IMODE((hub / server.name).stat().st_mode) == 0o640


def test_a_download_that_is_not_the_published_file_gives_the_reason_and_leaves_nothing(hub, server):
    server.write_bytes(b"half of it")
    found, reason = imagenet.imagenet_weights("resnet18")
    assert found is None and "invalid hash value" in reason
    assert list(hub.iterdir()) == []


def test_imagenet_weights_are_not_fetched_unasked(hub, server):
    found, reason = imagenet.imagenet_weights("resnet18", fetch=False)
    assert found is None and "is not in torch's hub folder" in reason
    assert list(hub.iterdir()) == []


def test_a_server_that_says_nothing_is_given_up(hub, server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(imagenet, "SERVER", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(imagenet, "TIMEOUT_SECONDS", 0.2)
        found, reason = imagenet.imagenet_weights("resnet18")
    assert found is None and "timed out" in reason
    assert socket.getdefaulttimeout() is None
    assert list(hub.iterdir()) == []


def test_a_damaged_weight_file_is_named_and_not_loaded(hub):
    (hub / imagenet.FILES["resnet18"]).write_bytes(b"half a download")
    found, reason = imagenet.imagenet_weights("resnet18")
    assert found is None and "damaged" in reason


def test_there_are_no_imagenet_weights_for_the_demo_trunk():
    assert imagenet.imagenet_weights("resnet10") == (None, "none are published for resnet10")
