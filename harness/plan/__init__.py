"""Tables to cells, cells to runs: what there is to do, and what is done already."""
