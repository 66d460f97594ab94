"""Horizontal stripes of a feature map."""

from __future__ import annotations


def stripes(height: int, parts: int) -> list[slice]:
    """The rows of each part, divided evenly. Neighbouring parts share a row if ``parts`` does not divide ``height``."""
    return [slice(k * height // parts, -(-(k + 1) * height // parts)) for k in range(parts)]
