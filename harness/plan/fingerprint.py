"""Which code a result depends on: the definitions reached from a starting point, each with a hash.

Read from the source, nothing is imported. A definition is a top-level function, class method or assignment; comments,
docstrings and layout do not count. Reached is what a definition names, followed through imports inside this project and
inside packages that hold methods, so that a change in a function that a run never calls leaves the run alone, and a
change in one it calls names that one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import harness
from harness import registry
from harness.files.hashing import canonical_hash

CodeAddress = tuple[str, str]
"""A module and a top-level name in it; the name ``*`` stands for all of the module."""


def reached_code(roots: Sequence[CodeAddress]) -> dict[str, str]:
    """Hash of each definition reached from ``roots``, keyed ``module:definition``, sorted."""
    hashes: dict[str, str] = {}
    seen: set[CodeAddress] = set()
    queue = list(roots)
    while queue:
        address = queue.pop()
        if address in seen:
            continue
        seen.add(address)
        module = _module(address[0])
        if module is None:
            continue
        names = list(module.definitions) if address[1] == "*" else [address[1]]
        for name in [*names, _BODY]:
            hashes.update(module.hashes(name))
            queue.extend(module.references(name))
    return dict(sorted(hashes.items()))


def content(code: dict[str, str]) -> list[str]:
    """TEMPORARY until the branch fingerprint is merged."""
    return sorted(code.values())


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """One phrase a definition that differs: ``harness.training.sampler:batches changed``."""
    words = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            words.append(f"{name} is no longer reached")
        elif name not in before:
            words.append(f"{name} is new")
        elif before[name] != after[name]:
            words.append(f"{name} changed")
    return words


_BODY = "<module>"
"""Statements of a module that define no name, such as a registration; reached whenever the module is."""


@dataclass
class _Module:
    name: str
    is_package: bool
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, CodeAddress] = field(default_factory=dict)

    def hashes(self, name: str) -> Iterator[tuple[str, str]]:
        for node in self.definitions.get(name, []):
            for label, part in _parts(name, node):
                yield f"{self.name}:{label}", canonical_hash(ast.unparse(part), 12)

    def references(self, name: str) -> Iterator[CodeAddress]:
        if name in self.imports:
            yield self.imports[name]
        for node in self.definitions.get(name, []):
            local = {**self.imports, **_imports(node, self)}
            yield from _names_used(node, local, self)


@cache
def _module(name: str) -> _Module | None:
    path = _source(name)
    if path is None:
        return None
    module = _Module(name, path.name == "__init__.py")
    tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8")))
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module.imports.update(_imports(node, module))
        elif not _is_type_checking(node):
            for defined in _defined(node):
                module.definitions.setdefault(defined, []).append(node)
    return module


def _source(name: str) -> Path | None:
    """Where a module of this project, or of a package that holds methods, is written down; None for any other."""
    package, _, rest = name.partition(".")
    roots = harness.__path__ if package == harness.__name__ else registry.packages().get(package, [])
    for root in map(Path, roots):
        path = root.joinpath(*rest.split(".")) if rest else root
        for candidate in (path / "__init__.py", path.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return None


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return names or [_BODY]


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imports(tree: ast.AST, module: _Module) -> dict[str, CodeAddress]:
    """Local name -> what it stands for, for every import anywhere inside ``tree``."""
    found: dict[str, CodeAddress] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name] = (alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, module)
            for alias in node.names:
                submodule = f"{origin}.{alias.name}"
                is_module = _source(submodule) is not None
                found[alias.asname or alias.name] = (submodule, "") if is_module else (origin, alias.name)
    return found


def _origin(node: ast.ImportFrom, module: _Module) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    package = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def _names_used(tree: ast.AST, imports: dict[str, CodeAddress], module: _Module) -> Iterator[CodeAddress]:
    for node in _without_annotations(tree):
        dotted = _dotted(node)
        if not dotted:
            continue
        target = imports.get(dotted)
        if target is not None:
            yield target if target[1] else (target[0], _BODY)
        owner, _, attribute = dotted.rpartition(".")
        if owner in imports and not imports[owner][1]:
            yield imports[owner][0], attribute
        if dotted in module.definitions:
            yield module.name, dotted


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _without_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node below ``tree`` but the annotations, which no run evaluates."""
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            queue.extend(child for child in _as_list(value) if isinstance(child, ast.AST))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parts(name: str, node: ast.stmt) -> Iterable[tuple[str, ast.AST]]:
    """A class is hashed method by method, so that the one that changed can be named."""
    if not isinstance(node, ast.ClassDef):
        return [(name, node)]
    functions = [part for part in node.body if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))]
    rest = [part for part in node.body if part not in functions] or [ast.Pass()]
    shell = ast.ClassDef(node.name, node.bases, node.keywords, rest, node.decorator_list)
    return [(name, shell), *((f"{name}.{part.name}", part) for part in functions)]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Drop docstrings and other bare strings, which no run reads."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [part for part in body if not _is_bare_string(part)]
            node.body = kept or ([] if isinstance(node, ast.Module) else [ast.Pass()])  # type: ignore[attr-defined]
    return tree


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
