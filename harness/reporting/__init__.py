"""Self-contained HTML pages from the records and the published tables. Reads results, never a model."""
