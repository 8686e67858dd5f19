"""The floors of the house: a file imports from its own floor and from lower ones, but for rooms that stay apart."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kinema"
FLOORS = (
    ("errors", "settings", "interval", "compiled"),
    ("clip", "media", "energy"),
    ("canvas", "how", "recipe"),
    ("wire", "tasks", "client"),
    ("world", "model"),
    ("data",),
    ("trust",),
    ("backends",),
    ("train",),
    ("ready", "engine"),
    ("remote",),
    ("calls",),
    ("evaluate",),
    ("serve",),
    ("conformance",),
    ("cli",),
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
APART = {("model", "world"), ("world", "model"), ("serve", "model")}
TORCH_ROOMS = {"model", "train", "evaluate"}
NO_TORCH = {"torch", "einops", "torchvision"}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    """The part of the house that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path, *, running: bool = False) -> Iterator[str]:
    """Every module that a file imports, wherever in it; with `running`, only what importing the file itself brings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if running else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            if node.module == "kinema":
                yield from (f"kinema.{alias.name}" for alias in node.names if (PACKAGE / alias.name).exists())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path: Path):
    here = room(path)
    assert here in HEIGHT, f"{here} stands on no floor; name its floor here and in ARCHITECTURE"
    for module in imported(path):
        if module.startswith("kinema."):
            there = module.split(".")[1]
            if there.startswith("__"):
                continue
            assert HEIGHT[there] <= HEIGHT[here], f"{path} imports {module}"
            assert (here, there) not in APART, f"{path} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_in_the_workshop(path: Path):
    brought = {module.split(".")[0] for module in imported(path)}
    assert room(path) in TORCH_ROOMS or not brought & NO_TORCH, f"{path} imports {brought & NO_TORCH}"


def after(statement: str) -> set[str]:
    """The top-level modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=PACKAGE.parent).split())


def test_the_package_imports_nothing_heavy_until_it_is_used():
    heavy = {"numpy", "av", "PIL", "openvino", "pydantic", "pydantic_settings", "click", "cv2", "torch"}
    assert not after("import kinema") & heavy
    assert not after("import kinema.cli") & (heavy - {"click"})


def test_the_studio_floor_runs_without_the_workshop():
    assert not after("import kinema.engine, kinema.backends.native") & {
        "torch",
        "einops",
        "cv2",
        "matplotlib",
        "webdataset",
    }


def test_no_file_outgrows_its_size():
    assert {path.name: lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 450} == {}
