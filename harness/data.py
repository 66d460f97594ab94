"""Find, verify and fetch datasets, and make their priors: ``python -m harness.data check market1501``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.exit_code import exit_code_of
from harness.datasets import DATASETS, dataset
from harness.datasets.base import DatasetSpec
from harness.datasets.sources import PUBLIC, WITHDRAWN, page
from harness.errors import BadInput
from harness.priors.availability import SPLITS
from harness.priors.providers import PROVIDERS

if TYPE_CHECKING:
    from harness.datasets.checking import Finding
    from harness.progress import Watch

FOUND = "found"
SECONDS_BETWEEN_LINES = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: as it should be; 1: a check found something; 2: bad input, said in one sentence."""
    options = _parser().parse_args(arguments)
    return exit_code_of(lambda: int(options.command(options)), "stopped")


def list_datasets(options: argparse.Namespace) -> int:
    """``list``: every known dataset, whether it is there, and how it is obtained."""
    rows = [_row(spec, options.data_root) for spec in DATASETS.values()]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    widest = max(len(row["id"]) for row in rows)
    for row in rows:
        print(f"{row['id']:{widest}}  {row['status']:16}  {row['title']}")
        if row["place"]:
            print(f"{'':{widest}}  {row['place']}")
        else:
            print(f"{'':{widest}}  {row['obtain']} {row['page']}".rstrip())
            if row["fetch"] == "yes":
                print(f"{'':{widest}}  python -m harness.data fetch {row['id']}")
    return 0


def check(options: argparse.Namespace) -> int:
    """``check [ID...]``: 1 when a dataset cannot be read, differs from the published, or holds unreadable images."""
    specs = [dataset(name) for name in dict.fromkeys(options.ids)] or _found(options.data_root)
    return _check(specs, options.data_root, options.json)


def fetch(options: argparse.Namespace) -> int:
    """``fetch ID``: download, verify and extract a public dataset, then check it."""
    from harness.datasets.fetching import fetch as fetch_dataset
    from harness.progress import Watch

    spec = dataset(options.id)
    if _status(spec, options.data_root) == FOUND:
        print(f"{spec.title} is {_place(spec, options.data_root)}; nothing to fetch")
        return 0
    with Watch(1, "archives") as watch:
        fetch_dataset(spec, options.data_root, watch.say, _bar(watch, f"extracting {spec.id}"))
    return _check([spec], options.data_root, as_json=False)


def priors(options: argparse.Namespace) -> int:
    """``priors ID --provider NAME``: compute the priors of the splits asked for and keep them under the data root."""
    from harness.machine.device import choose_device
    from harness.plan.shelf import Shelf
    from harness.priors.making import make_priors
    from harness.priors.providers import provider
    from harness.progress import Watch

    spec = dataset(options.id)
    if spec.embedded:
        if options.provider != "synthetic":
            raise BadInput(f"{spec.id} brings its own truth, which methods read; only --provider synthetic is of use")
        print(f"{spec.id} brings its own keypoints, masks and part maps; nothing to compute")
        return 0
    chosen = provider(options.provider, choose_device(options.device), options.keypoints, options.masks, options.labels)
    images = Shelf(options.data_root).dataset(spec.id, options.seed)
    splits = list(dict.fromkeys(options.split)) or ["train"]
    with Watch(len(splits), "splits") as watch:
        for split in splits:
            bar = _bar(watch, f"{options.provider} on {spec.id} {split}")
            file = make_priors(images, split, chosen, options.data_root, options.overwrite, bar)
            watch.step(f"{file}: {', '.join(chosen.arrays)} of {len(getattr(images, split)):,} images")
    return 0


def _check(specs: Sequence[DatasetSpec], data_root: Path, as_json: bool) -> int:
    from harness.datasets.checking import Inspector
    from harness.progress import Watch

    inspector, findings = Inspector(), []
    with Watch(len(specs), "datasets") as watch:
        for spec in specs:
            finding = inspector.check(spec, data_root, _bar(watch, f"decoding {spec.id}"))
            findings.append(finding)
            fine = "as published" if spec.published else "every image decodes"
            watch.step(f"{spec.id}: {fine if finding.fine else 'see below'}")
    if as_json:
        print(json.dumps([_as_json(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        print("\n\n".join("\n".join(_as_text(finding)) for finding in findings))
    return 0 if all(finding.fine for finding in findings) else 1


def _found(data_root: Path) -> list[DatasetSpec]:
    """The datasets under the data root. Raises BadInput where there is none."""
    if not data_root.is_dir():
        raise BadInput(f"--data-root {data_root} is not a folder; name the one that holds the datasets")
    found = [spec for spec in DATASETS.values() if not spec.embedded and _status(spec, data_root) == FOUND]
    if not found:
        raise BadInput(f"no dataset is under {data_root}; python -m harness.data list says how each is obtained")
    return found


def _status(spec: DatasetSpec, data_root: Path) -> str:
    if spec.embedded or (spec.find and spec.find(data_root)):
        return FOUND
    if spec.id in WITHDRAWN:
        return "withdrawn"
    return "not found" if spec.find else "loader not built"


def _place(spec: DatasetSpec, data_root: Path) -> str:
    """Where a found dataset is, in words; empty for one that is not there."""
    if spec.embedded:
        return "drawn by the harness when it is first used"
    folder = spec.find(data_root) if spec.find else None
    withdrawn = " (withdrawn by its authors)" if spec.id in WITHDRAWN else ""
    return f"at {folder}{withdrawn}" if folder else ""


def _row(spec: DatasetSpec, data_root: Path) -> dict[str, str]:
    return {
        "id": spec.id,
        "title": spec.title,
        "status": _status(spec, data_root),
        "place": _place(spec, data_root),
        "obtain": spec.obtain,
        "fetch": "yes" if spec.id in PUBLIC else "no",
        "page": page(spec.id),
    }


def _as_text(finding: Finding) -> Iterator[str]:
    """The lines of one check: what was found beside what is published, then everything that is wrong."""
    spec, passport = finding.spec, finding.passport
    yield f"{spec.id}: {spec.title}" + (f" at {finding.folder}" if finding.folder else "")
    if finding.problem:
        yield f"  ✗ {finding.problem}"
    if passport:
        yield f"  {'':20} {'found':>10} {'published':>10}"
        for name, found in {**dict.fromkeys(spec.published, 0), **passport.counts}.items():
            published = spec.published.get(name)
            mark = "" if published is None else "  ✓" if found == published else "  ✗"
            yield f"  {name:20} {found:>10,} {'' if published is None else format(published, ','):>10}{mark}"
        yield f"  variant {passport.variant}"
        yield f"  fingerprint {passport.fingerprint}"
        yield from (f"  {remark}" for remark in passport.remarks)
    else:
        yield from (f"  {folder}: {images:,} image files" for folder, images in sorted(finding.images.items()))
    yield from (f"  ✗ {bad.file} does not decode: {bad.reason}" for bad in finding.unreadable)
    if finding.images:
        total = sum(finding.images.values())
        yield f"  {total - len(finding.unreadable):,} of {total:,} image files decode"


def _as_json(finding: Finding) -> dict[str, Any]:
    passport = finding.passport
    return {
        "id": finding.spec.id,
        "fine": finding.fine,
        "folder": str(finding.folder) if finding.folder else None,
        "problem": finding.problem,
        "counts": dict(passport.counts) if passport else {},
        "published": dict(finding.spec.published),
        "variant": passport.variant if passport else "",
        "fingerprint": passport.fingerprint if passport else "",
        "remarks": list(passport.remarks) if passport else [],
        "images": dict(finding.images),
        "unreadable": {str(bad.file): bad.reason for bad in finding.unreadable},
    }


def _bar(watch: Watch, what: str) -> Callable[[int, int], None]:
    """A bar that begins when the total is known; off a terminal a line now and then."""
    last = 0.0

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not last:
            watch.begin(what, total)
            last = now
        due = now - last > SECONDS_BETWEEN_LINES
        watch.advance(done, f"{what}: {done:,} of {total:,}" if due else "")
        last = now if due else last

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.data", description=__doc__)
    root = os.environ.get("HARNESS_DATA_ROOT", "data")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--data-root", type=Path, default=Path(root), metavar="DIR", help=f"datasets (default {root})")
    commands = parser.add_subparsers(required=True, metavar="list | check | fetch | priors")

    listing = commands.add_parser("list", parents=[where], help="every dataset, whether it is there, how to get it")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(command=list_datasets)

    checking = commands.add_parser(
        "check", parents=[where], help="count, compare with the published, decode all images"
    )
    checking.add_argument("ids", nargs="*", metavar="ID", help="datasets (default: those under the data root)")
    checking.add_argument("--json", action="store_true", help="print JSON")
    checking.set_defaults(command=check)

    fetching = commands.add_parser("fetch", parents=[where], help="download, verify and extract a public dataset")
    fetching.add_argument("id", metavar="ID")
    fetching.set_defaults(command=fetch)

    _add_priors(commands.add_parser("priors", parents=[where], help="compute keypoints and masks, once"))
    return parser


def _add_priors(parser: argparse.ArgumentParser) -> None:
    parser.description = "; ".join(f"{name}: {what}" for name, what in PROVIDERS.items())
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--provider", required=True, choices=PROVIDERS, help="who looks at the images")
    parser.add_argument("--split", action="append", default=[], choices=SPLITS, help="repeatable; default train")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of several numbered splits, that of this seed's runs"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is kept of the same arrays")
    parser.add_argument("--keypoints", type=Path, metavar="FILE", help="files: COCO-format keypoint JSON")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="files: a PNG an image, person masks or part maps")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="files: label map of the part maps, YAML or JSON")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    parser.set_defaults(command=priors)


if __name__ == "__main__":
    sys.exit(main())
