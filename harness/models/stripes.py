"""Horizontal stripes of a feature map."""

from __future__ import annotations


def stripes(height: int, parts: int) -> list[slice]:
    """Rows of each part: ``height`` rows divided evenly, with a shared row where ``parts`` does not divide them."""
    return [slice(k * height // parts, -(-(k + 1) * height // parts)) for k in range(parts)]
