"""The verb ``search``: the gallery images most like a query, as a page and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from harness.commands.progress_bar import progress_bar
from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.errors import BadInput
from harness.files.atomic import write_json
from harness.progress import Watch
from harness.reporting.page_files import write_page
from harness.reporting.search_page import search_page
from harness.results.store import existing
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.loading import load_exported, load_recorded, only_record
from harness.runs.searching.gallery import embedded_gallery
from harness.runs.searching.image_files import image_files, query_files
from harness.runs.searching.search import search

PAGE, JSON_FILE = "search.html", "search.json"


def execute(request: Request) -> int:
    """Write the page and the JSON file, and name the page; with ``--json`` print the JSON. Returns 0.

    Raises BadInput for a cell, an exported folder or images that cannot be used, and for a modality that is missing.
    """
    assert request.query is not None and request.gallery is not None and request.to is not None
    if request.top < 1:
        raise BadInput(f"--top {request.top}: find 1 image or more")
    queries, files = query_files(request.query), image_files(request.gallery, "--gallery")
    embedder = _embedder(request)
    of_query, of_gallery = _infrared(request, embedder)
    embedded = embedder.embed(queries, of_query)
    with Watch(1, "gallery") as watch:
        bar = progress_bar(watch, "embedding the gallery")
        gallery = embedded_gallery(embedder, request.gallery, files, of_gallery, bar)
    result = search(embedder.facts, queries, embedded, gallery, request.top)
    page = write_page(request.to / PAGE, search_page(result), "--to")
    write_json(request.to / JSON_FILE, result)
    print(json.dumps(result, indent=1, ensure_ascii=False) if request.json else f"found: {page}")
    return 0


def _embedder(request: Request) -> Embedder:
    if Path(request.model).is_dir():
        return load_exported(Path(request.model), request.device)
    store = existing(request.results)
    records = records_of(request.model, store, request)
    return load_recorded(only_record(records, "--profile and --seed"), store, request.device)


def _infrared(request: Request, embedder: Embedder) -> tuple[bool | None, bool | None]:
    """Whether queries and gallery are infrared; None for a network that does not ask. Raises BadInput if unsaid."""
    method = embedder.facts["method"]
    if not embedder.facts["reads_infrared"]:
        if request.infrared is not None:
            raise BadInput(f"--infrared: {method} embeds visible and infrared images alike; leave it out")
        return None, None
    if request.infrared is None:
        raise BadInput(f"{method} has a stem per modality; say with --infrared which images are infrared")
    return request.infrared in ("query", "both"), request.infrared in ("gallery", "both")
