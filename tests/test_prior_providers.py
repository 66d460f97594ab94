"""Providers of priors: what each sees is kept with its name and version, and is what methods then read."""

import hashlib
import json
import shutil
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
from harness.priors import load_priors, making, missing_priors
from harness.priors.availability import priors_file
from harness.priors.making import make_priors
from harness.priors.naming import image_names
from harness.priors.parsing import derive_parsing
from harness.priors.providers import Provider, provider, rcnn
from harness.priors.providers.files import from_files, read_coco
from harness.store import write_atomically

NAMES = ("train/0001_c1s1_000001_00.jpg", "train/0002_c2s1_000002_00.jpg.jpg")


def quiet(done, total):
    pass


@pytest.fixture
def split(tmp_path) -> Split:
    """Two images of different sizes under ``tmp_path``."""
    (tmp_path / "train").mkdir()
    for name, size in zip(NAMES, ((64, 128), (40, 100)), strict=True):
        pixels = np.random.default_rng(size[0]).integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return Split(NAMES, np.array([1, 2]), np.array([1, 2]))


def dataset_of(root: Path, split: Split) -> Dataset:
    empty = Split((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Dataset("market1501", root, split, empty, empty, Passport("market1501", "", "", {}))


def seen_by(statement: str, **arrays) -> Provider:
    """A provider that has seen these arrays already."""
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
    """A network that sees a surer dog, two people in the first image, and nobody in the second."""

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
    """Weights of both detectors, random, with people as the class they see; crops stay small for speed."""
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


# What is kept.


def test_what_a_provider_saw_is_what_methods_read_with_its_statement(tmp_path, split):
    generator = np.random.default_rng(0)
    keypoints = generator.random((2, 17, 3)).astype(np.float16)
    mask = generator.random((2, 64, 32)) < 0.5
    data = dataset_of(tmp_path, split)
    make_priors(data, "train", seen_by("A 1.0", keypoints=keypoints, presence=np.ones(2)), tmp_path, False, quiet)
    make_priors(data, "train", seen_by("B 2.0", mask=mask), tmp_path, False, quiet)
    read = load_priors(data, "train", ["keypoints", "segmentation"], tmp_path)
    np.testing.assert_array_equal(read.arrays["keypoints"], keypoints.astype(np.float32))
    np.testing.assert_array_equal(read.arrays["segmentation"], mask)
    assert read.provider == "file market1501_train_priors.npz (keypoints by A 1.0; mask by B 2.0)"
    only = load_priors(data, "train", ["segmentation"], tmp_path)
    assert only.provider == "file market1501_train_priors.npz (mask by B 2.0)"
    parts = load_priors(data, "train", ["parsing"], tmp_path)
    expected = derive_parsing(keypoints.astype(np.float32), mask, np.ones(2))
    np.testing.assert_array_equal(parts.arrays["parsing"], expected)


def test_another_version_of_the_provider_is_another_fingerprint(tmp_path, split):
    data, mask = dataset_of(tmp_path, split), np.ones((2, 64, 32), bool)
    prints = []
    for version in ("B 2.0", "B 2.1", "B 2.0"):
        make_priors(data, "train", seen_by(version, mask=mask), tmp_path, True, quiet)
        prints.append(load_priors(data, "train", ["segmentation"], tmp_path).fingerprint)
    assert prints[0] == prints[2] != prints[1]


def test_the_fingerprint_is_that_of_provider_kinds_and_stored_rows(tmp_path, split):
    mask = np.random.default_rng(1).random((2, 64, 32)) < 0.5
    (tmp_path / "priors").mkdir()
    packed = np.packbits(mask.reshape(2, -1), axis=1)
    np.savez(tmp_path / "priors" / "market1501_train_priors.npz", names=image_names(split), mask=packed)
    read = load_priors(dataset_of(tmp_path, split), "train", ["segmentation"], tmp_path)
    assert read.provider == "file market1501_train_priors.npz"
    written_down = b"file market1501_train_priors.npz segmentation" + b"mask|u1(2, 256)" + packed.tobytes()
    assert read.fingerprint == hashlib.sha256(written_down).hexdigest()


def test_what_is_kept_is_not_replaced_unasked(tmp_path, split):
    data = dataset_of(tmp_path, split)
    ones, zeros = np.ones((2, 64, 32), bool), np.zeros((2, 64, 32), bool)
    file = make_priors(data, "train", seen_by("A", mask=ones, parsing=ones), tmp_path, False, quiet)
    before = file.read_bytes()
    never = Provider("B", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    with pytest.raises(BadInput, match="holds mask already; add --overwrite"):
        make_priors(data, "train", never, tmp_path, False, quiet)
    other = dataset_of(tmp_path, Split((NAMES[0], "train/0003.jpg"), split.identities, split.cameras))
    for overwrite in (False, True):  # The parsing would be lost.
        with pytest.raises(
            BadInput, match=r"made for other images, it lacks 1 of these 2 \(0003\.jpg\); move it away$"
        ):
            make_priors(other, "train", never, tmp_path, overwrite, quiet)
    assert file.read_bytes() == before
    make_priors(data, "train", seen_by("B", mask=zeros), tmp_path, True, quiet)
    read = load_priors(data, "train", ["segmentation", "parsing"], tmp_path)
    assert not read.arrays["segmentation"].any() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by B; parsing by A)")
    with pytest.raises(BadInput, match="has no query images"):
        make_priors(data, "query", never, tmp_path, False, quiet)


def test_a_file_of_other_images_is_replaced_only_on_request_and_where_nothing_else_is_lost(tmp_path, split):
    mask = np.ones((2, 64, 32), bool)
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    other = dataset_of(tmp_path, Split(("train/0003.jpg", "train/0004.jpg"), split.identities, split.cameras))
    with pytest.raises(BadInput, match="move it away, or replace it with --overwrite"):
        make_priors(other, "train", seen_by("B", mask=mask), tmp_path, False, quiet)
    make_priors(other, "train", seen_by("B", mask=~mask), tmp_path, True, quiet)
    assert not load_priors(other, "train", ["segmentation"], tmp_path).arrays["segmentation"].any()


def test_a_file_whose_arrays_are_not_what_they_should_be_is_not_added_to(tmp_path, split):
    (tmp_path / "priors").mkdir()
    file = tmp_path / "priors" / "market1501_train_priors.npz"
    never = Provider("B", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    for held, words in (
        ({"names": np.array("one")}, "names is not a list of texts"),
        ({"parsing": np.zeros((2, 64, 32))}, "it has no names"),
        ({"names": image_names(split), "parsing": np.full((2, 64, 32), 19)}, "parsing has the label 19"),
    ):
        np.savez(file, **held)
        with pytest.raises(BadInput, match=rf"{file}.* {words}"):
            make_priors(dataset_of(tmp_path, split), "train", never, tmp_path, True, quiet)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_names_further_images_is_added_to(tmp_path, split, overwrite):
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    fewer = dataset_of(tmp_path, Split(NAMES[1:], split.identities[1:], split.cameras[1:]))
    parsing = np.ones((1, 64, 32), np.uint8)
    make_priors(fewer, "train", seen_by("B", parsing=parsing), tmp_path, overwrite, quiet)
    read = load_priors(fewer, "train", ["segmentation", "parsing"], tmp_path)
    assert not read.arrays["segmentation"].any() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by A; parsing by B)")


def test_what_another_provider_writes_while_the_images_are_looked_at_stays(tmp_path, split):
    data = dataset_of(tmp_path, split)
    mask, parsing = np.ones((2, 64, 32), bool), np.ones((2, 64, 32), np.uint8)

    def overtaken(*_):
        make_priors(data, "train", seen_by("B", mask=mask), tmp_path, False, quiet)
        return {"parsing": parsing}

    make_priors(data, "train", Provider("A", ("parsing",), overtaken), tmp_path, False, quiet)
    read = load_priors(data, "train", ["segmentation", "parsing"], tmp_path)
    assert read.arrays["segmentation"].all() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by B; parsing by A)")


def test_two_providers_never_write_at_once(tmp_path, split, monkeypatch):
    data = dataset_of(tmp_path, split)
    inside = []

    def slowly(path, write):
        inside.append(path)
        assert len(inside) == 1
        time.sleep(0.1)
        write_atomically(path, write)
        inside.remove(path)

    monkeypatch.setattr(making, "write_atomically", slowly)
    given = [seen_by("A", mask=np.ones((2, 64, 32), bool)), seen_by("B", parsing=np.ones((2, 64, 32), np.uint8))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: make_priors(data, "train", each, tmp_path, False, quiet), given))
    assert load_priors(data, "train", ["segmentation", "parsing"], tmp_path).arrays["parsing"].all()
    (lock,) = (tmp_path / "priors").glob(".*.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666, "another user may add to the file too"


def test_a_folder_that_cannot_be_written_is_said_before_any_image_is_looked_at(tmp_path, split):
    (tmp_path / "priors").write_text("a file where the folder would be")
    never = Provider("A", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    with pytest.raises(BadInput, match="priors cannot be written"):
        make_priors(dataset_of(tmp_path, split), "train", never, tmp_path, False, quiet)


def test_rows_that_were_kept_follow_their_images(tmp_path, split):
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    turned = dataset_of(tmp_path, Split(NAMES[::-1], split.identities, split.cameras))
    parsing = np.stack([np.full((64, 32), 1), np.full((64, 32), 2)])
    make_priors(turned, "train", seen_by("B", parsing=parsing), tmp_path, False, quiet)
    read = load_priors(dataset_of(tmp_path, split), "train", ["segmentation", "parsing"], tmp_path).arrays
    assert read["segmentation"][0].all() and not read["segmentation"][1].any()
    assert (read["parsing"][0] == 2).all() and (read["parsing"][1] == 1).all()


def test_images_whose_file_names_repeat_are_told_apart_by_their_folders(tmp_path):
    split = Split(("cam1/0001/0001.jpg", "cam1/0002/0001.jpg"), np.array([1, 2]), np.array([1, 1]))
    assert image_names(split) == list(split.names)
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    data = dataset_of(tmp_path, split)
    make_priors(data, "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    np.testing.assert_array_equal(load_priors(data, "train", ["segmentation"], tmp_path).arrays["segmentation"], mask)


def test_a_test_set_of_its_own_has_priors_of_its_own(tmp_path):
    assert priors_file("market1501_multi_query", "query", tmp_path).name == "market1501_query_priors.npz"
    assert priors_file("occluded_reid", "train", tmp_path).name == "market1501_train_priors.npz"
    assert priors_file("occluded_reid", "query", tmp_path).name == "occluded_reid_query_priors.npz"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("market1501", "market1501_multi_query", ["train", "query", "gallery"]),
        ("cuhk03", "cuhk03_detected", ["train", "query", "gallery"]),
        ("cuhk03_detected", "cuhk03_labeled", []),
        ("sysu_all", "sysu_indoor", ["train"]),  # Indoor search has fewer gallery images.
        ("regdb_visible_to_infrared", "regdb_infrared_to_visible", ["train"]),
        ("msmt17", "msmt17_train_only", []),
    ],
)
def test_datasets_share_the_priors_of_the_splits_that_are_the_same_images(tmp_path, one, other, shared):
    for split_name in ("train", "query", "gallery"):
        files = {priors_file(each, split_name, tmp_path) for each in (one, other)}
        assert (len(files) == 1) == (split_name in shared)


def test_each_numbered_split_has_priors_of_its_own(tmp_path, split):
    mask = np.ones((2, 64, 32), bool)
    data = replace(dataset_of(tmp_path, split), id="regdb_visible_to_infrared", number=3)
    file = make_priors(data, "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    assert file.name == "regdb_visible_to_infrared_split3_train_priors.npz"
    assert load_priors(data, "train", ["segmentation"], tmp_path).arrays["segmentation"].all()
    with pytest.raises(BadInput, match=r"--split train --seed 3 --provider NAME"):
        load_priors(replace(data, number=4), "train", ["segmentation"], tmp_path)
    reason = missing_priors(data.id, ["segmentation"], tmp_path, ["train"])
    assert reason is not None and "_split1_train_priors.npz" in reason and "--seed 0" in reason
    for number in {*range(1, 11)} - {3}:
        shutil.copy(file, priors_file(data.id, "train", tmp_path, number))
    assert missing_priors(data.id, ["segmentation"], tmp_path, ["train"]) is None


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
