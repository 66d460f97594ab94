"""The weights of a finished training, as a safetensors file: read without running anything that a file may hold."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from harness.errors import BadInput
from harness.files.atomic import write_atomically


def write_weights(path: Path, model: nn.Module) -> None:
    """Write the state dict of ``model`` atomically, under its own names. Raises Unwritable where that cannot be.

    Layers that share their weights stand in a state dict under several names, and safetensors refuses tensors that
    share memory; so every name gets a copy of its own.
    """
    copies = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    addresses: set[int] = set()
    for name, value in copies.items():
        address = value.untyped_storage().data_ptr()
        if address in addresses:
            copies[name] = value.clone()
        addresses.add(address)
    content = save(copies)
    write_atomically(path, lambda file: file.write(content))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by their names in the state dict, on the CPU. Raises BadInput, naming the fix, for a damaged file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(
            f"{path}: cannot be read as weights ({error}); delete the folder {path.parent} to train it again"
        ) from error
