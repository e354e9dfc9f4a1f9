"""Checks rules for the engine's code that no linter has, and prints violations: `python -m tools.engine_rules`.

Only an object's own class assigns its attributes, each with a value. Functions and files have a maximum length. The
core, which decides, neither awaits nor opens anything, and imports only such modules of the engine.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[1] / "server" / "midway" / "engine"
ENGINE_PACKAGE = "midway.engine"
MOST_LINES = 40  # of a function
MOST_LINES_OF_FILE = 300
CORE = "core"  # the package that decides
# The other modules of the engine that the core may import: values, and pure functions.
KNOWS = frozenset({"account_config", "assign", "clock", "commands", "interactions", "limits"})
WAITS = frozenset({"asyncio", "threading", "socket", "time", "os", "pathlib", "sqlite3", "subprocess", "tempfile"})


def broken_rules(source: str, *, decides: bool) -> Iterator[str]:
    """Yield `line: what is wrong` for a module's source; `decides` is true for modules of the core."""
    file_length = len(source.splitlines())
    if file_length > MOST_LINES_OF_FILE:
        yield f"{MOST_LINES_OF_FILE + 1}: the file has {file_length} lines"
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MOST_LINES:
                    yield f"{node.lineno}: {node.name} has {length} lines"
                if decides and isinstance(node, ast.AsyncFunctionDef):
                    yield f"{node.lineno}: {node.name} waits"
            case ast.AnnAssign(target=ast.Attribute(), value=None):
                yield f"{node.lineno}: {ast.unparse(node.target)} has no value"
            case ast.Attribute(ctx=ast.Store()) if not _is_own(node.value):
                yield f"{node.lineno}: {ast.unparse(node)} is assigned from outside"
            case ast.Import() | ast.ImportFrom() if decides:
                yield from (f"{node.lineno}: imports {name}" for name in sorted(_imported(node) & WAITS))
                yield from (f"{node.lineno}: imports {name}" for name in sorted(_of_engine(node) - {CORE} - KNOWS))
            case ast.Call(func=ast.Name(id="open")) if decides:
                yield f"{node.lineno}: opens a file"


def _is_own(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in {"self", "cls"}


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return {name.partition(".")[0] for name in names}


def _of_engine(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Return which modules of the engine are imported."""
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return set()
    if node.module == ENGINE_PACKAGE:
        return {alias.name for alias in node.names}
    is_inside = node.module.startswith(f"{ENGINE_PACKAGE}.")
    return {node.module.removeprefix(f"{ENGINE_PACKAGE}.").partition(".")[0]} if is_inside else set()


def main() -> int:
    """Check every module of the engine."""
    broken = [
        f"{path.relative_to(ENGINE.parents[2])}:{rule}"
        for path in sorted(ENGINE.rglob("*.py"))
        for rule in broken_rules(path.read_text("utf-8"), decides=path.parent.name == CORE)
    ]
    print("\n".join(broken) or "The engine's rules hold.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
