"""The verb ``data check``: count beside the published counts, and decode every image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.commands.dataset_folders import presence
from harness.commands.progress_bar import progress_bar
from harness.commands.request import DataRequest
from harness.datasets import DATASETS, dataset
from harness.datasets.base import DatasetSpec
from harness.datasets.checking import Finding, Inspector
from harness.errors import BadInput
from harness.progress import Watch


def execute(request: DataRequest) -> int:
    """Print the checks. Returns 1 for a dataset that is unreadable, not as published or has damaged images, else 0."""
    specs = [dataset(name) for name in dict.fromkeys(request.datasets)] or _found(request.data_root)
    return check(specs, request.data_root, request.json)


def check(specs: Sequence[DatasetSpec], data_root: Path, as_json: bool) -> int:
    """Check these datasets and print the findings. Returns 0 when all is well, else 1."""
    inspector, findings = Inspector(), []
    with Watch(len(specs), "datasets") as watch:
        for spec in specs:
            finding = inspector.check(spec, data_root, progress_bar(watch, f"decoding {spec.id}"))
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
    found = [spec for spec in DATASETS.values() if not spec.embedded and presence(spec, data_root) == "found"]
    if not found:
        raise BadInput(f"no dataset is under {data_root}; python -m harness.data list says how each is obtained")
    return found


def _as_text(finding: Finding) -> Iterator[str]:
    """The lines of one check: found counts beside published counts, then all faults."""
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
