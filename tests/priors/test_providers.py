"""Providers of priors: the arrays that each makes from images or files, and the input that it refuses."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import _api, detection

from harness.data import main
from harness.datasets.base import Dataset, Passport, Split
from harness.datasets.market1501 import MARKET1501
from harness.errors import BadInput
from harness.priors import load_priors
from harness.priors.providers import Provider, provider, rcnn
from harness.priors.providers.files import from_files, read_coco

NAMES = ("train/0001_c1s1_000001_00.jpg", "train/0002_c2s1_000002_00.jpg.jpg")


def quiet(done, total):
    pass


def two_images(root: Path) -> Split:
    """A split of two images of different sizes under ``root``."""
    (root / "train").mkdir()
    for name, size in zip(NAMES, ((64, 128), (40, 100)), strict=True):
        pixels = np.random.default_rng(size[0]).integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(root / name)
    return Split(NAMES, np.array([1, 2]), np.array([1, 2]))


@pytest.fixture
def split(tmp_path) -> Split:
    return two_images(tmp_path)


def dataset_of(root: Path, split: Split) -> Dataset:
    empty = Split((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Dataset("market1501", root, split, empty, empty, Passport("market1501", "", "", {}))


def seen_by(statement: str, **arrays) -> Provider:
    """A provider that returns these arrays."""
    return Provider(statement, tuple(arrays), lambda root, split, progress: arrays)


# Keypoints in COCO's format.


def coco(path: Path, annotations, names=NAMES) -> Path:
    images = [{"id": row, "file_name": name, "width": 64, "height": 128} for row, name in enumerate(names)]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def joints(x: float, y: float, v: float) -> list[float]:
    return [x, y, v] * 17


def test_coco_keypoints_become_fractions_and_visibilities_confidences(tmp_path, split):
    flags = joints(32, 32, 2)
    flags[3:9] = [16, 64, 1, 0, 0, 0]
    file = coco(tmp_path / "k.json", [{"image_id": 0, "keypoints": flags}])
    seen = from_files(file, None, None).observe(tmp_path, split, quiet)
    np.testing.assert_allclose(seen["keypoints"][0, :3], [[0.5, 0.25, 1], [0.25, 0.5, 0.5], [0, 0, 0]])
    assert seen["presence"].tolist() == [1, 0]
    assert not seen["keypoints"][1].any(), "nobody was annotated there"


def test_the_surest_person_is_kept_and_confidences_stay_as_they_are(tmp_path):
    people = [
        {"image_id": 0, "keypoints": joints(1, 1, 0.3), "score": 0.4, "area": 900},
        {"image_id": 0, "keypoints": joints(32, 64, 0.6), "score": 0.9, "area": 10},
        {"image_id": 1, "keypoints": joints(1, 1, 0.3), "bbox": [0, 0, 2, 2]},
        {"image_id": 1, "keypoints": joints(32, 64, 1), "bbox": [0, 0, 3, 3]},
    ]
    found = read_coco(coco(tmp_path / "k.json", people))
    np.testing.assert_allclose(found[NAMES[0]][:17], np.tile([0.5, 0.5, 0.6], (17, 1)))
    assert found[NAMES[0]][17, 2] == np.float32(0.9)
    np.testing.assert_allclose(found[NAMES[1]], [*[[0.5, 0.5, 1]] * 17, [0, 0, 1]])


@pytest.mark.parametrize(
    ("annotations", "names", "words"),
    [
        ([{"image_id": 0, "keypoints": [1, 2, 1]}], NAMES, "not in COCO's keypoint format"),
        ([{"image_id": 0, "keypoints": joints(1, 1, 5)}], NAMES, "image 0 is out of range"),
        ([{"image_id": 7, "keypoints": joints(1, 1, 1)}], NAMES, "annotations of image 7, which it does not list"),
        ([], NAMES[:1], rf"does not list 1 of 2 images \({NAMES[1].split('/')[1]}\)"),
    ],
    ids=["too few", "out of range", "stranger", "missing image"],
)
def test_a_coco_file_that_is_wrong_is_named(tmp_path, split, annotations, names, words):
    with pytest.raises(BadInput, match=words):
        from_files(coco(tmp_path / "k.json", annotations, names), None, None).observe(tmp_path, split, quiet)


# PNGs of masks and parts.


def png(path: Path, pixels) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def test_masks_are_read_in_the_middle_of_each_cell(tmp_path, split):
    large = np.random.default_rng(0).integers(0, 2, (64 * 3, 32 * 5))
    png(tmp_path / "m" / "0001_c1s1_000001_00.png", large * 255)
    png(tmp_path / "m" / "0002_c2s1_000002_00.jpg.jpg.png", np.eye(64, 32))
    seen = from_files(None, tmp_path / "m", None)
    assert seen.arrays == ("mask",)
    mask = seen.observe(tmp_path, split, quiet)["mask"]
    for row in range(64):
        for column in range(32):
            assert mask[0, row, column] == (large[row * 3 + 1, column * 5 + 2] == 1)
    np.testing.assert_array_equal(mask[1], np.eye(64, 32))


def test_part_maps_are_read_through_their_label_map(tmp_path, split):
    (tmp_path / "labels.yaml").write_text("0: background\n13: head\n5: torso\n16: left_leg\n17: right-leg\n")
    labels = np.zeros((64, 32))
    labels[:10], labels[10:30], labels[30:, :16], labels[30:, 16:] = 13, 5, 17, 16
    for name in ("0001_c1s1_000001_00.png", "0002_c2s1_000002_00.jpg.png"):
        png(tmp_path / "m" / name, labels)
    seen = from_files(None, tmp_path / "m", tmp_path / "labels.yaml").observe(tmp_path, split, quiet)
    expected = np.repeat([1, 2, 4], [10, 20, 34])[:, None].repeat(32, axis=1)
    expected[30:, 16:] = 3
    np.testing.assert_array_equal(seen["parsing"][1], expected)
    assert seen["mask"].all()


def test_a_png_or_label_map_that_is_wrong_is_named(tmp_path, split):
    folder = tmp_path / "m"
    folder.mkdir()
    with pytest.raises(BadInput, match="no PNG for 2 of 2 images"):
        from_files(None, folder, None).observe(tmp_path, split, quiet)
    first = folder / "0001_c1s1_000001_00.png"
    png(folder / "0002_c2s1_000002_00.jpg.png", np.zeros((4, 4)))
    png(first, np.full((4, 4), 7))
    with pytest.raises(BadInput, match=f"{first.name} has the value 7"):
        from_files(None, folder, None).observe(tmp_path, split, quiet)
    (tmp_path / "l.json").write_text('{"0": "background", "1": "head"}')
    with pytest.raises(BadInput, match=f"{first.name} has the label 7"):
        from_files(None, folder, tmp_path / "l.json").observe(tmp_path, split, quiet)
    png(first, np.zeros((4, 4, 3)))
    with pytest.raises(BadInput, match="is a colour picture"):
        from_files(None, folder, None).observe(tmp_path, split, quiet)
    for wrong in ('{"0": "tail"}', '{"-1": "background"}', "~: background"):
        (tmp_path / "l.json").write_text(wrong)
        with pytest.raises(BadInput, match=r"l\.json is not a label map"):
            from_files(None, folder, tmp_path / "l.json")
    with pytest.raises(BadInput, match="needs --keypoints"):
        from_files(None, None, None)


# torchvision's detectors.


def test_the_surest_person_is_taken_and_its_joints_are_fractions_of_its_own_image(tmp_path, split, monkeypatch):
    """A network that detects two people and, with more confidence, a dog in the first image; nobody in the second."""

    def network(pixels):
        assert [tuple(image.shape) for image in pixels] == [(3, 128, 64), (3, 100, 40)]
        at = torch.tensor([[8.0, 8.0, 1.0], [16.0, 96.0, 1.0], [32.0, 32.0, 1.0]])
        first = {
            "labels": torch.tensor([18, 1, 1]),
            "scores": torch.tensor([0.99, 0.4, 0.7]),
            "keypoints": at[:, None].repeat(1, 17, 1),
            "keypoints_scores": torch.tensor([[9.0], [9.0], [0.0]]).repeat(1, 17),
        }
        return [first, {name: values[:0] for name, values in first.items()}]

    monkeypatch.setattr(rcnn, "_network", lambda *_, **__: network)
    seen = rcnn.keypoint_rcnn("cpu").observe(tmp_path, split, quiet)
    np.testing.assert_allclose(seen["keypoints"][0], np.tile([0.5, 0.25, 0.5], (17, 1)))
    np.testing.assert_allclose(seen["presence"], [0.7, 0])
    assert not seen["keypoints"][1].any()


@pytest.fixture
def random_weights(monkeypatch):
    """Random weights of both detectors, which detect people. Crops stay small for speed."""
    monkeypatch.setattr(rcnn, "SHORT_SIDE", 64)
    monkeypatch.setattr(rcnn, "LONG_SIDE", 96)

    def weights(url, **how):
        assert how["weights_only"] and how["check_hash"]
        build = detection.keypointrcnn_resnet50_fpn if "keypoint" in url else detection.maskrcnn_resnet50_fpn
        with torch.device("meta"):
            shapes = build(weights=None, weights_backbone=None).state_dict()
        generator = torch.Generator().manual_seed(0)
        state = {name: 0.02 * torch.rand(value.shape, generator=generator) - 0.01 for name, value in shapes.items()}
        state |= {name: torch.ones(shapes[name].shape) for name in shapes if name.endswith("running_var")}
        for name in ("box_predictor.cls_score.bias", "mask_predictor.mask_fcn_logits.bias"):
            if f"roi_heads.{name}" in state:
                state[f"roi_heads.{name}"][rcnn.PERSON] = 8.0
        return state

    monkeypatch.setattr(_api, "load_state_dict_from_url", weights)


@pytest.mark.slow
def test_the_detectors_run_on_images_of_any_size_and_name_their_weights(tmp_path, split, random_weights):
    steps = []
    sees = provider("keypoint_rcnn")
    seen = sees.observe(tmp_path, split, lambda *step: steps.append(step))
    assert seen["keypoints"].shape == (2, 17, 3) and (seen["presence"] > 0.5).all()
    assert np.isfinite(seen["keypoints"]).all() and (np.abs(seen["keypoints"] - 0.5) <= 0.55).all()
    assert steps == [(2, 2)]
    assert "torchvision" in sees.statement and "keypointrcnn_resnet50_fpn_coco-" in sees.statement
    masks = provider("segmenter").observe(tmp_path, split, quiet)["mask"]
    assert masks.shape == (2, 64, 32) and masks.dtype == bool
    assert masks.any(axis=(1, 2)).all(), "a mask that is likely everywhere shows somebody in each image"


def test_weights_that_cannot_be_had_are_one_sentence(monkeypatch):
    def unreachable(url, **_):
        raise URLError("Name or service not known")

    monkeypatch.setattr(_api, "load_state_dict_from_url", unreachable)
    with pytest.raises(
        BadInput, match=r"keypointrcnn_resnet50_fpn_coco-\w+\.pth are not in torch's hub folder and cou"
    ):
        provider("keypoint_rcnn")
    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda url, **_: {"another": torch.zeros(1)})
    with pytest.raises(BadInput, match="is damaged; delete it"):
        provider("segmenter")


# ViTPose.


def test_without_transformers_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BadInput, match=r"optional extra; pip install 'reid-tables\[pose\]'"):
        provider("vitpose")
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__="4.0"))
    with pytest.raises(BadInput, match=r"4\.48 or later"):
        provider("vitpose")


def test_vitpose_sees_each_crop_as_one_person(tmp_path, split, monkeypatch):
    transformers = pytest.importorskip("transformers")
    trunk = {"model_type": "vitpose_backbone", "image_size": [256, 192], "hidden_size": 16}
    trunk |= {"num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.VitPoseConfig(backbone_config=trunk, num_labels=17)
    torch.manual_seed(0)
    network, processor = transformers.VitPoseForPoseEstimation(config), transformers.VitPoseImageProcessor()
    monkeypatch.setattr(transformers.VitPoseForPoseEstimation, "from_pretrained", lambda _: network)
    monkeypatch.setattr(transformers.VitPoseImageProcessor, "from_pretrained", lambda _: processor)
    sees = provider("vitpose")
    seen = sees.observe(tmp_path, split, quiet)
    assert seen["keypoints"].shape == (2, 17, 3)
    assert (seen["presence"] == seen["keypoints"][:, :, 2].max(axis=1)).all()
    alone = Split(NAMES[1:], split.identities[1:], split.cameras[1:])
    np.testing.assert_allclose(sees.observe(tmp_path, alone, quiet)["keypoints"][0], seen["keypoints"][1], atol=1e-4)
    # The pose network looks at a 3:4 box around the crop, so a joint lies inside that box.
    assert (np.abs(seen["keypoints"][:, :, 1] - 0.5) <= 0.7).all()
    assert transformers.__version__ in sees.statement


def test_options_of_the_files_do_not_belong_to_networks(tmp_path):
    with pytest.raises(BadInput, match="belong to --provider files"):
        provider("vitpose", masks=tmp_path)
    with pytest.raises(BadInput, match="unknown provider 'vitpos'; the nearest known: 'vitpose'"):
        provider("vitpos")


# The command.


def test_the_command_makes_the_priors_of_the_splits_asked_for(market_root, tmp_path, capsys):
    data = MARKET1501.load(market_root / "Market-1501-v15.09.15")
    names = [*data.train.names, *data.query.names]
    people = [{"image_id": row, "keypoints": joints(32, 64, 2)} for row in range(len(names))]
    file = coco(tmp_path / "people.json", people, names)
    arguments = ["priors", "market1501", "--provider", "files", "--keypoints", str(file), "--device", "cpu"]
    arguments += ["--split", "train", "--split", "query", "--data-root", str(market_root)]
    assert main(arguments) == 0
    assert "keypoints, presence of 32 images" in capsys.readouterr().err
    read = load_priors(data, "query", ["keypoints"], market_root)
    np.testing.assert_allclose(read.arrays["keypoints"], np.tile(np.float32([0.5, 0.5, 1]), (6, 17, 1)))
    assert "files: COCO keypoints people.json (SHA-256 " in read.provider
    assert str(tmp_path) not in read.provider
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_only_the_embedded_dataset_knows_its_truth(market_root, capsys):
    root = ["--data-root", str(market_root)]
    assert main(["priors", "market1501", "--provider", "synthetic", *root]) == 2
    assert "only the embedded datasets know their own truth" in capsys.readouterr().err
    assert main(["priors", "synthetic", "--provider", "synthetic", *root]) == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert main(["priors", "synthetic", "--provider", "segmenter", *root]) == 2
