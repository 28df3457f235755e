"""Laws of the house: a file is read in one sitting, a class does one thing."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    *(ROOT / "mlxdyn").rglob("*.py"), *(ROOT / "app").glob("*.py"), *(ROOT / "models").glob("*.py"),
]  # fmt: skip
LINES, METHODS = 400, 25
POSSESSIVE = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long_and_no_class_has_many_public_methods(module: Path):
    text = module.read_text("utf-8")
    assert len(text.splitlines()) <= LINES, "part it by what its functions are about"
    for found in ast.walk(ast.parse(text)):
        if isinstance(found, ast.ClassDef):
            functions = [
                f for f in found.body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            public = {f.name for f in functions if not f.name.startswith("_")}
            assert len(public) <= METHODS, f"{found.name} does too much"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pattern_repeats_a_group_possessively(module: Path):
    """Python 3.11.2, which Debian 12 has, matches such a pattern wrongly; 3.11.7 does not."""
    texts = (
        node.value
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert not [text for text in texts if POSSESSIVE.search(text)]
