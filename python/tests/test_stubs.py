"""_sapiens.pyi tells type checkers what the module has."""

import ast
from pathlib import Path

import sapiens
from sapiens import _sapiens


def declared():
    """Names of the stub; those of a class as "Class.name"."""
    text = (Path(sapiens.__file__).parent / "_sapiens.pyi").read_text()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        for part in getattr(node, "body", []):
            if isinstance(node, ast.ClassDef) and isinstance(part, ast.FunctionDef):
                yield f"{node.name}.{part.name}"


def present():
    for name, value in vars(_sapiens).items():
        if not name.startswith("_"):
            yield name
            if isinstance(value, type):
                yield from (f"{name}.{part}" for part in vars(value) if not part.startswith("_"))


def test_the_stub_lists_all_that_is_there_and_nothing_else():
    assert set(declared()) == set(present())


def test_what_the_package_exports_is_there_and_has_a_docstring():
    for name in sapiens.__all__:
        value = getattr(sapiens, name)
        assert name == "__version__" or value.__doc__.strip(), name
