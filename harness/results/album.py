"""The album of a test set: what pages know of its queries, and small copies of its images.

One file per dataset, beside its contact sheet. All records of a dataset share it, so that no image is kept twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.errors import BadInput
from harness.files.arrays import DamagedArrayFile, NoArrayFile, read_arrays
from harness.files.atomic import write_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fact = Literal["light", "occlusion", "box", "view", "bag", "clothes"]
"""A fact of a query by which pages group queries."""
FACTS: tuple[Fact, ...] = get_args(Fact)


@dataclass(frozen=True, eq=False)
class Tiles:
    """Small images, each a WebP file: number i is ``content[offsets[i]:offsets[i + 1]]``. Queries come first."""

    content: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> bytes:
        return self.content[self.offsets[number] : self.offsets[number + 1]].tobytes()

    @classmethod
    def of(cls, files: list[bytes]) -> Tiles:
        """The tiles with these contents."""
        import numpy as np

        lengths = [len(file) for file in files]
        return cls(np.frombuffer(b"".join(files), np.uint8), np.cumsum([0, *lengths], dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Album:
    """Names of queries (Q,) and gallery images (G,) in the order of the features; facts of the queries, (Q,) each.

    ``tiles`` holds Q + G images; None where images may not be kept.
    """

    query_names: NDArray[np.str_]
    gallery_names: NDArray[np.str_]
    facts: Mapping[Fact, NDArray[np.str_]] = field(default_factory=dict)
    tiles: Tiles | None = None

    def write(self, path: Path) -> None:
        """Write the album's file. Raises BadInput if it cannot be written."""
        arrays = {"query_names": self.query_names, "gallery_names": self.gallery_names}
        arrays |= {f"fact_{fact}": values for fact, values in self.facts.items()}
        if self.tiles is not None:
            write_arrays(path, {**arrays, "tiles": self.tiles.content, "tile_offsets": self.tiles.offsets})
        else:
            write_arrays(path, arrays)

    @classmethod
    def read(cls, path: Path) -> Album | None:
        """The album in a file; None where there is none. Raises BadInput, naming the file and the fix, if damaged."""
        optional = [*(f"fact_{fact}" for fact in FACTS), "tiles", "tile_offsets"]
        try:
            found = read_arrays(path, ("query_names", "gallery_names"), optional)
        except NoArrayFile:
            return None
        except DamagedArrayFile as error:
            raise BadInput(f"{path} is damaged ({error.reason}); delete it and run a cell of its dataset") from error
        facts = {fact: found[f"fact_{fact}"] for fact in FACTS if f"fact_{fact}" in found}
        album = cls(found["query_names"], found["gallery_names"], facts, _tiles(found))
        if not album._is_whole:
            raise BadInput(f"{path} is damaged (its arrays differ in length); delete it and run a cell of its dataset")
        return album

    @property
    def _is_whole(self) -> bool:
        queries, images = len(self.query_names), len(self.query_names) + len(self.gallery_names)
        return all(len(values) == queries for values in self.facts.values()) and (
            self.tiles is None or (len(self.tiles) == images and self.tiles.offsets[-1] == len(self.tiles.content))
        )


def _tiles(found: Mapping[str, NDArray[Any]]) -> Tiles | None:
    if "tiles" not in found or "tile_offsets" not in found:
        return None
    return Tiles(found["tiles"], found["tile_offsets"])


def album_path(fingerprint: str) -> str:
    """The album of the dataset with that passport, relative to the results folder."""
    return f"datasets/{fingerprint[:16]}.npz"
