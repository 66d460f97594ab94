"""An operation for which a GPU would make the host wait is found, and the line that has it."""

import torch

from harness.runs.contract.waiting import WaitingOperations


def test_a_value_that_is_read_is_counted_and_its_line_is_named():
    tensor = torch.arange(3.0)
    with WaitingOperations() as waiting:
        tensor.sum().item()
    assert waiting.found["_local_scalar_dense"] == 1
    assert waiting.places["_local_scalar_dense"].startswith(f"{__file__}, line ")


def test_a_mask_as_index_waits_and_a_list_of_rows_does_not():
    tensor, mask, rows = torch.arange(3.0), torch.tensor([True, False, True]), torch.tensor([0, 2])
    with WaitingOperations() as waiting:
        tensor[mask]
    assert sum(waiting.found.values()) >= 1
    with WaitingOperations() as waiting:
        tensor[rows] * 2
    assert not waiting.found
