"""Every loader on a miniature of its real layout: right, a folder missing, a bad name, a camera missing, counts off."""

import shutil
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from harness.datasets import dataset
from harness.errors import BadInput

DUKE = "DukeMTMC was withdrawn by its authors in 2019"


@dataclass(frozen=True)
class Miniature:
    """Files of each folder under ``place``, and the loader's result expected for them.

    ``train``, ``query`` and ``gallery`` are (identity, camera) of each image in order; ``stray`` is a file that the
    loader must name, ``last_camera`` the files that alone are of one camera; ``form`` what the variant says of the
    known form.
    """

    id: str
    place: str
    folders: dict[str, list[str]]
    query: list[tuple[int, int]]
    gallery: list[tuple[int, int]]
    train: list[tuple[int, int]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    stray: str = ""
    last_camera: tuple[str, ...] = ()
    form: str = ""
    tree: str = ""


MARKET_LIKE_DUKE = {
    "bounding_box_train": ["0001_c2_f0046182.jpg", "0001_c5_f0046302.jpg", "0007_c8_f0000001.jpg"],
    "query": ["0005_c2_f0046985.jpg"],
    "bounding_box_test": ["0002_c1_f0044158.jpg", "0005_c2_f0046985.jpg", "0005_c6_f0093000.jpg"],
}
DUKE_LABELS = {
    "train": [(1, 2), (1, 5), (7, 8)],
    "query": [(5, 2)],
    "gallery": [(2, 1), (5, 2), (5, 6)],
}
CUHK03 = {
    "bounding_box_train": ["0003_c1_1.png", "0003_c1_2.png", "0003_c2_6.png", "0004_c1_11.png"],
    "query": ["0001_c1_21.png", "0001_c2_26.png"],
    "bounding_box_test": ["0001_c1_22.png", "0001_c2_27.png"],
}
CUHK03_LABELS = {
    "train": [(3, 1), (3, 1), (3, 2), (4, 1)],
    "query": [(1, 1), (1, 2)],
    "gallery": [(1, 1), (1, 2)],
}
MSMT17_TRAIN = ["0000/0000_045_12_0303morning_0006_2.jpg", "0001/0001_000_01_0303noon_0001_0.jpg"]
MSMT17_VAL = ["0000/0000_046_03_0303morning_0007_1.jpg"]
MSMT17_QUERY = ["0000/0000_001_15_0113evening_0031_0.jpg"]
MSMT17_GALLERY = ["0000/0000_000_01_0113noon_0030_0.jpg", "0001/0001_002_04_0113noon_0032_0.jpg"]


def _list(names):
    return "".join(f"{name} {int(name[:4])}\n" for name in names)


MSMT17_TEXTS = {
    "list_train.txt": _list(MSMT17_TRAIN),
    "list_val.txt": _list(MSMT17_VAL),
    "list_query.txt": _list(MSMT17_QUERY),
    "list_gallery.txt": _list(MSMT17_GALLERY),
}


def _msmt17(dataset_id, release, train, test, train_labels, form):
    return Miniature(
        dataset_id,
        release,
        {train: MSMT17_TRAIN + MSMT17_VAL, test: MSMT17_QUERY + MSMT17_GALLERY},
        query=[(1041, 15)],
        gallery=[(1041, 1), (1042, 4)],
        train=train_labels,
        texts=MSMT17_TEXTS,
        form=form,
        tree=rf"{release}/\{{{train},{test},list_train.txt",
    )


MINIATURES = [
    Miniature(
        "dukemtmc",
        "DukeMTMC-reID",
        MARKET_LIKE_DUKE,
        **DUKE_LABELS,
        stray="query/0005_f0046985.jpg",
        last_camera=("bounding_box_train/0007_c8_f0000001.jpg",),
        tree=r"DukeMTMC-reID/\{bounding_box_train,query,bounding_box_test\}/0001_c2_f0046182.jpg",
    ),
    Miniature(
        "occluded_duke",
        "Occluded_Duke",
        MARKET_LIKE_DUKE,
        **DUKE_LABELS,
        stray="query/0005_c9_f0046985.jpg",
        last_camera=("bounding_box_train/0007_c8_f0000001.jpg",),
        tree=r"Occluded_Duke/\{bounding_box_train,query,bounding_box_test\}",
    ),
    Miniature(
        "cuhk03_detected",
        "cuhk03-np",
        {f"detected/{name}": files for name, files in CUHK03.items()},
        **CUHK03_LABELS,
        stray="detected/query/0001_21.png",
        last_camera=tuple(f"detected/{name}/{file}" for name in CUHK03 for file in CUHK03[name] if "c2" in file),
        tree=r"cuhk03-np/detected/\{bounding_box_train,query,bounding_box_test\}",
    ),
    Miniature(
        "cuhk03_labeled",
        "cuhk03-np",
        {f"labeled/{name}": files for name, files in CUHK03.items()},
        **CUHK03_LABELS,
        stray="labeled/query/0001_c3_21.png",
        tree=r"cuhk03-np/labeled/",
    ),
    Miniature("cuhk03", "cuhk03-np", {f"detected/{name}": files for name, files in CUHK03.items()}, **CUHK03_LABELS),
    _msmt17(
        "msmt17",
        "MSMT17_V1",
        "train",
        "test",
        [(0, 12), (1, 1), (0, 3)],
        "MSMT17_V1, training images of list_train and list_val",
    ),
    _msmt17(
        "msmt17",
        "MSMT17_V2",
        "mask_train_v2",
        "mask_test_v2",
        [(0, 12), (1, 1), (0, 3)],
        "MSMT17_V2, training images of list_train and list_val",
    ),
    _msmt17(
        "msmt17_train_only",
        "MSMT17_V1",
        "train",
        "test",
        [(0, 12), (1, 1)],
        "MSMT17_V1, training images of list_train",
    ),
    Miniature(
        "occluded_reid",
        "Occluded_REID",
        {
            "occluded_body_images": ["001/001_01.tif", "001/001_02.tif", "002/002_01.tif"],
            "whole_body_images": ["001/001_01.tif", "002/002_01.tif"],
        },
        query=[(1, 0), (1, 0), (2, 0)],
        gallery=[(1, 1), (2, 1)],
        stray="whole_body_images/002/003_02.tif",
        tree=r"Occluded_REID/\{occluded_body_images,whole_body_images\}/001/001_01.tif",
    ),
    Miniature(
        "partial_reid",
        "Partial-REID_Dataset",
        {
            "occluded_body_images": ["001_001.jpg"],
            "partial_body_images": ["001_001.jpg", "060_005.jpg"],
            "whole_body_images": ["001_001.jpg", "060_001.jpg"],
        },
        query=[(1, 0), (60, 0)],
        gallery=[(1, 1), (60, 1)],
        stray="partial_body_images/1.jpg",
        form="queries are partial_body_images",
        tree=r"Partial-REID_Dataset/\{partial_body_images,whole_body_images\}",
    ),
    Miniature(
        "partial_reid_occluded",
        "Partial_REID",
        {"occluded_body_images": ["001_001.jpg"], "whole_body_images": ["001_001.jpg", "060_001.jpg"]},
        query=[(1, 0)],
        gallery=[(1, 1), (60, 1)],
        stray="occluded_body_images/c1.jpg",
        form="queries are occluded_body_images",
        tree=r"Partial_REID/\{occluded_body_images,whole_body_images\}",
    ),
    Miniature(
        "partial_ilids",
        "Partial_iLIDS",
        {"Probe": ["1.jpg", "119.jpg"], "Gallery": ["1.jpg", "119.jpg"]},
        query=[(1, 0), (119, 0)],
        gallery=[(1, 1), (119, 1)],
        stray="Probe/1_2.jpg",
        tree=r"Partial_iLIDS/\{Probe,Gallery\}/1.jpg",
    ),
    Miniature(
        "synergyreid",
        "data_reid",
        {
            "reid_training": ["0001_0003_0010.jpeg", "0001_0003_0020.jpeg"],
            "reid_test/query": ["0440_0001_0000.jpeg"],
            "reid_test/gallery": ["0440_0001_0001.jpeg", "0441_0001_0002.jpeg"],
            "reid_challenge/query": ["000123.jpeg"],
        },
        train=[(1, 0), (1, 0)],
        query=[(440, 0)],
        gallery=[(440, 1), (441, 1)],
        stray="reid_training/player.jpeg",
        tree=r"synergyreid_data/\{reid_training,reid_test/query,reid_test/gallery\}",
    ),
]


def write(miniature, data_root):
    """The miniature on disk, each image in its own colour, beside other files found in archives."""
    root = data_root / miniature.place
    for number, (folder, files) in enumerate(miniature.folders.items()):
        for row, name in enumerate(files):
            file = root / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 16), (30 * number, 40 * row, 90)).save(file)
        (root / folder / "Thumbs.db").write_bytes(b"not an image")
        (root / folder / ".DS_Store").write_bytes(b"not an image")
    for name, text in miniature.texts.items():
        (root / name).write_text(text)
    return root


def read(miniature, data_root):
    spec = dataset(miniature.id)
    folder = spec.find(data_root)
    assert folder is not None
    return spec.load(folder)


def labels(split):
    return list(zip(split.identities.tolist(), split.cameras.tolist(), strict=True))


def found_counts(miniature):
    """The counts of a miniature by hand, for each published count of its dataset."""
    people = {name: {identity for identity, _ in getattr(miniature, name)} for name in ("train", "query", "gallery")}
    images = {name: len(getattr(miniature, name)) for name in people}
    every = {f"{name}_images": images[name] for name in people} | {f"{name}_ids": len(people[name]) for name in people}
    every["cameras"] = len({c for name in people for _, c in getattr(miniature, name)})
    every["train_ids_in_test"] = len(people["train"] & (people["query"] | people["gallery"]))
    return {name: every[name] for name in dataset(miniature.id).published}


def case(miniature):
    return f"{miniature.id}-{miniature.place}"


every_loader = pytest.mark.parametrize("miniature", MINIATURES, ids=case)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data_root(tmp_path):
    # A folder whose name looks like an identity and a camera must not become one.
    folder = tmp_path / "2023_c9_data"
    folder.mkdir()
    return folder


@every_loader
def test_identities_and_cameras_are_those_of_the_layout(miniature, data_root):
    write(miniature, data_root)
    data = read(miniature, data_root)
    assert data.id == miniature.id
    assert labels(data.train) == miniature.train
    assert labels(data.query) == miniature.query
    assert labels(data.gallery) == miniature.gallery
    assert data.query.cameras.dtype == data.gallery.identities.dtype == np.int64
    for split in (data.train, data.query, data.gallery):
        assert all((data.root / name).is_file() for name in split.names)


@every_loader
def test_a_miniature_is_counted_and_says_how_it_differs_from_the_published(miniature, data_root):
    write(miniature, data_root)
    passport = read(miniature, data_root).passport
    published = dataset(miniature.id).published
    assert dict(passport.counts) == found_counts(miniature)
    off = [name for name, count in found_counts(miniature).items() if count != published[name]]
    assert passport.variant.startswith(f"differs: {off[0]} is ") and not passport.official
    assert all(
        f"{name} is {passport.counts[name]:,}, published {published[name]:,}." in passport.remarks for name in off
    )


@every_loader
def test_published_counts_make_the_official_variant_in_its_known_form(miniature, data_root, monkeypatch):
    write(miniature, data_root)
    for name, count in found_counts(miniature).items():
        monkeypatch.setitem(dataset(miniature.id).published, name, count)
    passport = read(miniature, data_root).passport
    assert passport.variant == (f"official ({miniature.form})" if miniature.form else "official")
    assert passport.official
    assert not [remark for remark in passport.remarks if "published" in remark]


@pytest.mark.parametrize("miniature", [it for it in MINIATURES if it.tree], ids=case)
def test_a_missing_folder_is_named_with_the_tree_expected(miniature, data_root):
    root = write(miniature, data_root)
    needed = [folder for folder in miniature.folders if "challenge" not in folder]
    if miniature.id == "partial_reid":
        needed.remove("occluded_body_images")
    for folder in needed:
        (root / folder).rename(data_root / "elsewhere")
        name = folder.rpartition("/")[2]
        with pytest.raises(BadInput, match=rf"lacks the folder\(s\) (\S+/)?{name}; .* is expected as {miniature.tree}"):
            dataset(miniature.id).load(root)
        (data_root / "elsewhere").rename(root / folder)
    assert read(miniature, data_root).id == miniature.id


@pytest.mark.parametrize("miniature", [it for it in MINIATURES if it.stray], ids=case)
def test_a_bad_name_is_named(miniature, data_root):
    root = write(miniature, data_root)
    Image.new("RGB", (8, 16)).save(root / miniature.stray)
    with pytest.raises(BadInput, match=rf"1 image\(s\) whose name .*{miniature.stray.rpartition('/')[2]}"):
        read(miniature, data_root)


@pytest.mark.parametrize("miniature", [it for it in MINIATURES if it.last_camera], ids=case)
def test_a_camera_that_is_missing_altogether_is_a_difference(miniature, data_root, monkeypatch):
    root = write(miniature, data_root)
    monkeypatch.setitem(dataset(miniature.id).published, "cameras", found_counts(miniature)["cameras"])
    for name in miniature.last_camera:
        (root / name).unlink()
    missing = found_counts(miniature)["cameras"] - 1
    assert f"cameras is {missing}, published {missing + 1}." in read(miniature, data_root).passport.remarks


@every_loader
def test_an_empty_folder_is_named(miniature, data_root):
    root = write(miniature, data_root)
    queries = read(miniature, data_root).query.names
    for name in queries:
        (root / name if (root / name).exists() else next(root.rglob(name))).unlink()
    with pytest.raises(BadInput, match=r"holds no images|lacks 1 image\(s\) that list_query.txt names"):
        read(miniature, data_root)


@every_loader
def test_the_fingerprint_is_that_of_the_content_wherever_it_lies(miniature, data_root, tmp_path):
    root = write(miniature, data_root)
    first = read(miniature, data_root)
    shutil.copytree(root, tmp_path / "moved" / miniature.place)
    assert read(miniature, tmp_path / "moved").passport.fingerprint == first.passport.fingerprint
    Image.new("RGB", (8, 16), (1, 2, 3)).save(first.root / first.query.names[0])
    assert read(miniature, data_root).passport.fingerprint != first.passport.fingerprint


@every_loader
def test_nothing_is_found_where_nothing_is(miniature, data_root):
    (data_root / miniature.place).mkdir()
    assert dataset(miniature.id).find(data_root) is None
    assert dataset(miniature.id).find(data_root / "nowhere") is None


@pytest.mark.parametrize("dataset_id", ["dukemtmc", "occluded_duke"])
def test_loading_a_dataset_made_from_duke_says_that_it_was_withdrawn(dataset_id, data_root):
    miniature = next(it for it in MINIATURES if it.id == dataset_id)
    write(miniature, data_root)
    assert any(remark.startswith(DUKE) for remark in read(miniature, data_root).passport.remarks)
    assert dataset(dataset_id).obtain.startswith(DUKE)


@pytest.mark.parametrize("dataset_id", ["occluded_reid", "partial_reid", "partial_reid_occluded", "partial_ilids"])
def test_test_sets_train_as_market_1501_and_keep_every_gallery_image(dataset_id, data_root):
    from harness.evaluation.protocols import protocol_named, relevance

    miniature = next(it for it in MINIATURES if it.id == dataset_id)
    write(miniature, data_root)
    data, spec = read(miniature, data_root), dataset(dataset_id)
    assert spec.training_id == "market1501"
    assert len(data.train) == 0
    labels_of_both = (data.query.identities, data.query.cameras, data.gallery.identities, data.gallery.cameras)
    for protocol in (spec.protocol, "market1501"):
        found = relevance(*labels_of_both, protocol_named(protocol))
        assert found.junk.lengths.sum() == 0
        assert found.matches.lengths.tolist() == [
            sum(one == other for one in data.gallery.identities) for other in data.query.identities
        ]


def test_two_files_of_one_image_are_named(data_root):
    miniature = next(it for it in MINIATURES if it.id == "occluded_reid")
    root = write(miniature, data_root)
    Image.new("RGB", (8, 16)).save(root / "whole_body_images/002/002_01.jpg")
    with pytest.raises(BadInput, match=r"1 gallery image\(s\) are there twice .*002_01.jpg and .*002_01.tif"):
        read(miniature, data_root)


def test_an_image_that_is_byte_for_byte_another_is_a_remark(data_root):
    miniature = next(it for it in MINIATURES if it.id == "dukemtmc")
    root = write(miniature, data_root)
    test = root / "bounding_box_test"
    shutil.copy(test / "0005_c6_f0093000.jpg", test / "0005_c7_f0093060.jpg")
    remark = (
        "Images of gallery that are byte for byte another one: 1 (first: bounding_box_test/0005_c7_f0093060.jpg is "
        "bounding_box_test/0005_c6_f0093000.jpg)."
    )
    assert remark in read(miniature, data_root).passport.remarks


def test_a_training_identity_with_one_image_is_a_remark(data_root):
    miniature = next(it for it in MINIATURES if it.id == "dukemtmc")
    write(miniature, data_root)
    remark = "Training identities with one image only, which form no positive pair: 1 (first: 7)."
    assert remark in read(miniature, data_root).passport.remarks


def test_training_identities_that_are_also_tested_are_counted(data_root):
    miniature = next(it for it in MINIATURES if it.id == "dukemtmc")
    root = write(miniature, data_root)
    Image.new("RGB", (8, 16)).save(root / "bounding_box_train/0005_c1_f0000001.jpg")
    assert "train_ids_in_test is 1, published 0." in read(miniature, data_root).passport.remarks


@pytest.mark.parametrize(
    ("dataset_id", "pair"),
    [("occluded_reid", ("query", "gallery")), ("partial_ilids", ("partial_body_images", "whole_body_images"))],
)
def test_the_other_names_of_the_two_folders_are_the_same_dataset(dataset_id, pair, data_root, tmp_path):
    miniature = next(it for it in MINIATURES if it.id == dataset_id)
    root = write(miniature, data_root)
    first = read(miniature, data_root)
    flat = tmp_path / "other" / miniature.place
    for old, new in zip(miniature.folders, pair, strict=True):
        (flat / new).mkdir(parents=True)
        for name in miniature.folders[old]:
            shutil.copy(root / old / name, flat / new)
    other = read(miniature, tmp_path / "other")
    assert labels(other.query) == labels(first.query)
    assert other.passport.fingerprint == first.passport.fingerprint


def test_a_single_shot_gallery_holds_one_image_per_person(data_root):
    from harness.evaluation.protocols import PROTOCOLS

    assert PROTOCOLS[dataset("partial_ilids").protocol].single_shot
    miniature = next(it for it in MINIATURES if it.id == "partial_ilids")
    write(miniature, data_root)
    identities = read(miniature, data_root).gallery.identities
    assert len(set(identities.tolist())) == len(identities)
