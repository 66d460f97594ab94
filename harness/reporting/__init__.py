"""Self-contained HTML pages from the records and the published tables. Reads results, never a model."""

from harness.reporting.pages import write_report

__all__ = ["write_report"]
