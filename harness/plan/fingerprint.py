"""The code that a result depends on: each definition reached from some roots, with a digest of its text.

The source is read; nothing is imported. A definition is a function, class or assignment at the top of a module. A class
has one digest per method. Comments, docstrings and layout do not count. A definition reaches the definitions it names,
through imports, inside this project and inside packages that hold methods. So a change in a function that a run never
calls leaves the run alone, and a change in a function that it calls can be named.

A digest covers the content of a definition, not its place. Before hashing, imports are left out, a reference to another
definition is reduced to its bare name, and a name from outside the project is spelt in full: ``np.mean`` becomes
``numpy.mean``. So moving a function and fixing its callers' imports changes no digest.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import harness
from harness import registry
from harness.files.hashing import canonical_hash

CodeAddress = tuple[str, str]
"""A module and a top-level name in it. The name ``*`` stands for every definition of the module."""

Names = dict[str, CodeAddress | None]
"""Names bound in one scope, each with the address it is imported from; None for a name that is no import."""


def reached_code(roots: Iterable[CodeAddress]) -> dict[str, str]:
    """Digest of each definition reached from ``roots``, by address ``module:definition``, in order of address.

    A root outside the project adds nothing.
    """
    digests = _unambiguous(_reached(roots))
    return dict(
        sorted((f"{where}:{label}", digest) for (where, _), parts in digests.items() for label, digest in parts)
    )


def content(code: Mapping[str, str]) -> list[str]:
    """The digests without addresses, sorted, each once. A run's hash covers these."""
    return sorted(set(code.values()))


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Name each definition with new content: ``harness.training.sampler:batches changed``.

    A definition that only moved is not named. A definition that moved and changed is named by its new address. The list
    is empty if and only if ``content`` is the same.
    """
    lost, gained = set(before.values()) - set(after.values()), set(after.values()) - set(before.values())
    gone = [address for address in sorted(before.keys() - after.keys()) if before[address] in lost]
    came = [address for address in sorted(after.keys() - before.keys()) if after[address] in gained]
    phrases = {
        address: "changed"
        for address in before.keys() & after.keys()
        if before[address] != after[address] and (before[address] in lost or after[address] in gained)
    }
    for address in came:
        label = address.partition(":")[2]
        origin = next((old for old in gone if old.partition(":")[2] == label != _BODY), None)
        if origin:
            gone.remove(origin)
        phrases[address] = "changed" if origin else "is new"
    phrases |= dict.fromkeys(gone, "is no longer reached")
    return [f"{address} {phrase}" for address, phrase in sorted(phrases.items())]


def resolves(address: CodeAddress | str) -> bool:
    """Whether an address, as a pair or as ``module:definition``, leads to a definition of this project.

    The name may be a method, ``Class.method``, or a name that the module imports.
    """
    where, _, name = address.partition(":") if isinstance(address, str) else (address[0], "", address[1])
    first, _, inner = name.partition(".")
    where, definition = _path((where, first))[-1]
    module = _module(where)
    if module is None or definition == "*":
        return module is not None
    nodes = module.statements.get(definition, [])
    return bool(nodes) and (not inner or any(inner in _bindings(getattr(node, "body", []), module) for node in nodes))


_BODY = "<module>"
"""Statements of a module that define no name, such as a registration. Whoever reaches the module reaches them."""

_REFERENCE = re.compile("⟦([^⟦⟧:]*):([^⟦⟧:]*)⟧")
"""A reference to a definition of the project in a text: its address between brackets."""

Digests = tuple[tuple[str, str], ...]
"""Label and digest of each text of a definition. A class has one text per method, and one for the rest."""


@dataclass(frozen=True)
class _Reading:
    """A statement or definition as read: its text by label, the addresses in the text, and the addresses it reaches."""

    texts: dict[str, str]
    named: frozenset[CodeAddress]
    reaches: frozenset[CodeAddress]

    @cached_property
    def plain(self) -> Digests:
        """Digests without any mark."""
        return self.marked({})

    def marked(self, marks: Mapping[CodeAddress, str]) -> Digests:
        """Digests, with each mark put behind its name."""

        def name(match: re.Match[str]) -> str:
            module, name = match.groups()
            return f"⟦{name or module.rpartition('.')[2]}{marks.get((module, name), '')}⟧"

        return tuple((label, canonical_hash(_REFERENCE.sub(name, text), 12)) for label, text in self.texts.items())


@dataclass
class _Module:
    """One source file: its top-level statements by the name they define, and the origin of its imported names."""

    name: str
    is_package: bool
    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: Names = field(default_factory=dict)
    typed: Names = field(default_factory=dict)
    """Imports for type checkers. Annotations and a module's ``__getattr__`` use these names."""
    stars: list[str] = field(default_factory=list)
    """Modules imported with ``*``."""
    known: dict[str, _Reading] = field(default_factory=dict)
    """Readings of definitions by name."""
    read: dict[int, _Reading] = field(default_factory=dict)
    """Readings of statements by identity. A statement that defines two names is read once."""

    def add(self, statement: ast.stmt) -> None:
        """Sort in one top-level statement."""
        if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            self.typed |= _bindings(statement.body, self)
            for other in statement.orelse:
                self.add(other)
            return
        self.imports |= {name: origin for name, origin in _bindings([statement], self).items() if origin}
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            self.stars.append(_origin(statement, self))
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name in _defined(statement, self):
                self.statements.setdefault(name, []).append(statement)

    def origin(self, name: str) -> CodeAddress | None:
        """The address that a name is imported from; None for a name that is no import."""
        modules = ((star, _module(star)) for star in self.stars)
        starred = ((star, name) for star, module in modules if module and name in module.imports | module.statements)
        return self.imports.get(name) or self.typed.get(name) or next(starred, None)

    def definition(self, name: str) -> _Reading:
        """All statements that define a name, read as one."""
        if name in self.known:
            return self.known[name]
        reaches = {(self.name, _BODY)}
        if name == _BODY:
            # Importing a module runs its package first.
            reaches = {(self.name.rpartition(".")[0], _BODY)}
        elif name == "*":
            reaches |= {(self.name, each) for each in self.statements}
        elif origin := self.imports.get(name):
            reaches.add(_path(origin)[-1])
        elif name not in self.statements:
            reaches.add((self.name, "__getattr__"))
        texts: dict[str, list[str]] = defaultdict(list)
        readings = [self._read(statement) for statement in self.statements.get(name, [])]
        for reading in readings:
            for label, text in reading.texts.items():
                texts[name + label].append(text)
        self.known[name] = _Reading(
            {label: "\n".join(parts) for label, parts in texts.items()},
            frozenset().union(*(reading.named for reading in readings)),
            frozenset(reaches).union(*(reading.reaches for reading in readings)),
        )
        return self.known[name]

    def _read(self, statement: ast.stmt) -> _Reading:
        if id(statement) not in self.read:
            reader = _Reader(self)
            texts = dict(_parts(reader.visit(statement)))
            self.read[id(statement)] = _Reading(texts, frozenset(reader.named), frozenset(reader.reaches))
        return self.read[id(statement)]


@cache
def _module(name: str) -> _Module | None:
    path = _source(name)
    if path is None:
        return None
    module = _Module(name, path.name == "__init__.py")
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if not _is_bare_string(statement):
            module.add(statement)
    return module


def _source(name: str) -> Path | None:
    """The file of a module of this project or of a package that holds methods; None for any other module."""
    package, _, rest = name.partition(".")
    roots = harness.__path__ if package == harness.__name__ else registry.packages().get(package, [])
    for root in map(Path, roots):
        path = root.joinpath(*rest.split(".")) if rest else root
        for candidate in (path / "__init__.py", path.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return None


def _reached(roots: Iterable[CodeAddress]) -> dict[CodeAddress, _Reading]:
    found: dict[CodeAddress, _Reading] = {}
    queue = [_path((module, name.partition(".")[0]))[-1] for module, name in roots]
    while queue:
        address = queue.pop()
        module = _module(address[0])
        if address not in found and module:
            found[address] = module.definition(address[1])
            queue.extend(found[address].reaches)
    return found


def _unambiguous(reached: Mapping[CodeAddress, _Reading]) -> dict[CodeAddress, Digests]:
    """Digests of each definition, with a mark behind each ambiguous name.

    A name is ambiguous if two definitions of that name differ. Its mark is the digest of the definition that is meant.
    Marks can make the callers differ, and their names ambiguous. So this repeats until no more definitions differ.
    """
    digests = {address: reading.plain for address, reading in reached.items()}
    kinds = 0
    while len(set(digests.values())) > kinds:
        kinds = len(set(digests.values()))
        namesakes: dict[str, set[Digests]] = defaultdict(set)
        for (_, name), parts in digests.items():
            namesakes[name].add(parts)
        marks = {
            address: f"={canonical_hash(parts, 12)}"
            for address, parts in digests.items()
            if len(namesakes[address[1]]) > 1 and address[1] != _BODY
        }
        digests = {
            address: reading.plain if marks.keys().isdisjoint(reading.named) else reading.marked(marks)
            for address, reading in reached.items()
        }
    return digests


def _path(address: CodeAddress) -> list[CodeAddress]:
    """The addresses that lead from a name to its definition, through imports. A module has an empty name.

    As in Python, a name that a package binds hides its submodule of that name.
    """
    path = [address]
    while True:
        module = _module(address[0])
        if module is None or not address[1] or address[1] in module.statements:
            return path
        origin = module.origin(address[1])
        if origin is None or origin in path:
            break
        address = origin
        path.append(address)
    submodule = ".".join(address)
    return path if _module(submodule) is None else [*path, (submodule, "")]


class _Reader(ast.NodeTransformer):
    """Rewrites a statement so that it names other definitions by address, and notes which of them a run evaluates.

    Imports and docstrings are left out. Annotations are rewritten too, but no run evaluates them. A name bound in a
    function stays as it is inside that function. A name bound in a class stays as it is, except inside the methods.
    """

    def __init__(self, module: _Module) -> None:
        self.module = module
        self.named: set[CodeAddress] = set()
        self.reaches: set[CodeAddress] = set()
        self._scopes: list[tuple[Names, bool]] = []
        self._is_evaluated = True

    def visit_Import(self, node: ast.Import) -> None:
        pass  # Imports are left out.

    visit_ImportFrom = visit_Import  # type: ignore[assignment]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if _is_bare_string(node) else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        is_own = not self._scopes and not isinstance(node.ctx, ast.Load)
        return node if is_own else self._reference(node, [])

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        attributes: list[str] = []
        value: ast.expr = node
        while isinstance(value, ast.Attribute):
            attributes.insert(0, value.attr)
            value = value.value
        return self._reference(value, attributes) if isinstance(value, ast.Name) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self._visit_all(node.decorator_list)
        self.visit(node.args)
        node.returns = self._annotation(node.returns)
        with self._scope(_bindings([node.args, *node.body], self.module)):
            self._visit_all(node.body)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.visit(node.args)
        with self._scope(_bindings([node.args], self.module)):
            node.body = self.visit(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for part in (node.decorator_list, node.bases, node.keywords):
            self._visit_all(part)
        with self._scope(_bindings(node.body, self.module), of_class=True):
            self._visit_all(node.body)
        return node

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> ast.AST:
        first = node.generators[0]
        # Python evaluates the first iterable outside the comprehension's own scope.
        first.iter = self.visit(first.iter)
        with self._scope(_bindings([each.target for each in node.generators], self.module)):
            for generator in node.generators:
                generator.iter = generator.iter if generator is first else self.visit(generator.iter)
                self._visit_all(generator.ifs)
            for name in {"elt", "key", "value"} & set(node._fields):
                setattr(node, name, self.visit(getattr(node, name)))
        return node

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = self._annotation(node.annotation)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = self._annotation(node.annotation)
        node.target, node.value = self.visit(node.target), node.value and self.visit(node.value)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(getattr(node, "body", None), list):
            node.body = node.body or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def _annotation(self, node: ast.expr | None) -> Any:
        was, self._is_evaluated = self._is_evaluated, False
        visited = node and self.visit(node)
        self._is_evaluated = was
        return visited

    def _visit_all(self, nodes: list[Any]) -> None:
        nodes[:] = [found for node in nodes if (found := self.visit(node)) is not None] or [
            ast.Pass() for _ in nodes[:1]
        ]

    @contextmanager
    def _scope(self, names: Names, of_class: bool = False) -> Iterator[None]:
        self._scopes.append((names, of_class))
        yield
        self._scopes.pop()

    def _address(self, name: str) -> CodeAddress | None:
        """The address of a name in the current scope; None for a local and for a built-in name."""
        for depth, (names, of_class) in enumerate(reversed(self._scopes)):
            if name in names and (depth == 0 or not of_class):
                return names[name]
        if name in self.module.statements or self.module.origin(name):
            return self.module.name, name
        return None

    def _reference(self, root: ast.Name, attributes: list[str]) -> ast.expr:
        address = self._address(root.id)
        if address is None:
            return _dotted(root.id, attributes)
        path = _path(address)
        # An attribute of a module is followed if the module binds it. It does not bind ``__name__``, for example.
        while attributes and not path[-1][1] and _is_bound(deeper := _path((path[-1][0], attributes[0]))):
            path += deeper
            attributes = attributes[1:]
        module, name = path[-1]
        if _module(module) is None:
            return _dotted(f"{module}.{name}" if name else module, attributes)
        self.named.add((module, name))
        if self._is_evaluated:
            self.reaches |= {(passed, _BODY) for passed, _ in path}
            # A module used as a value can give any of its definitions.
            self.reaches.add((module, name or (_BODY if attributes else "*")))
        return _dotted(f"⟦{module}:{name}⟧", attributes)


def _dotted(name: str, attributes: Iterable[str]) -> ast.expr:
    expression: ast.expr = ast.Name(name, ast.Load())
    for attribute in attributes:
        expression = ast.Attribute(expression, attribute, ast.Load())
    return expression


def _is_bound(path: list[CodeAddress]) -> bool:
    """Whether a path ends at a definition, at a module, or outside the project."""
    module = _module(path[-1][0])
    return module is None or not path[-1][1] or path[-1][1] in module.statements or "__getattr__" in module.statements


def _bindings(nodes: Iterable[ast.AST], module: _Module) -> Names:
    """The names that these nodes bind in their own scope, without the functions and classes inside them."""
    found: Names = {}
    elsewhere: set[str] = set()
    queue = list(nodes)
    while queue:
        node = queue.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.setdefault(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= _imports(node, module)
        elif isinstance(node, ast.Global):
            elsewhere.update(node.names)
        elif isinstance(node, ast.comprehension):
            queue += [node.iter, *node.ifs]
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.setdefault(node.id)
            elif isinstance(node, ast.arg):
                found.setdefault(node.arg)
            elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)):
                found.setdefault(getattr(node, "name", None) or getattr(node, "rest", None) or "_")
            queue += ast.iter_child_nodes(node)
    return {name: origin for name, origin in found.items() if name not in elsewhere}


def _imports(node: ast.Import | ast.ImportFrom, module: _Module) -> dict[str, CodeAddress]:
    """Local name -> address it is imported from. A module has an empty name."""
    if isinstance(node, ast.ImportFrom):
        origin = _origin(node, module)
        return {alias.asname or alias.name: (origin, alias.name) for alias in node.names if alias.name != "*"}
    # ``import a.b`` binds ``a``; ``import a.b as c`` binds ``c`` to ``a.b``.
    bound = {alias.asname or alias.name.partition(".")[0]: alias for alias in node.names}
    return {name: (alias.name if alias.asname else name, "") for name, alias in bound.items()}


def _origin(node: ast.ImportFrom, module: _Module) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    package = ".".join(parts[: len(parts) - node.level + module.is_package])
    return f"{package}.{node.module}" if node.module else package


def _defined(statement: ast.stmt, module: _Module) -> list[str]:
    """The names that a top-level statement defines or changes, else ``<module>``. A compound statement has both."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        parts = (part for target in targets for part in ast.walk(target))
        return [part.id for part in parts if isinstance(part, ast.Name)] or [_BODY]
    return [*(name for name, origin in _bindings([statement], module).items() if not origin), _BODY]


def _parts(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Label and text. Each method of a class has its own text, so that a changed method can be named."""
    if not isinstance(node, ast.ClassDef):
        yield "", ast.unparse(node)
        return
    bodies: dict[str, list[ast.stmt]] = defaultdict(list)
    for part in node.body:
        bodies[f".{part.name}" if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""].append(part)
    shell = copy.copy(node)
    shell.body = bodies.pop("", [ast.Pass()])
    yield "", ast.unparse(shell)
    for label, methods in bodies.items():
        yield label, "\n".join((node.name, *map(ast.unparse, methods)))


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
