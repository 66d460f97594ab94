"""From tables to cells and from cells to runs: which are done, and which are still to be done."""
