"""The map in `engine/__init__.py` and the code agree: who may import whom."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STDLIB = sys.stdlib_module_names
IMPURE = {"asyncio", "logging", "os", "random", "select", "socket", "subprocess", "threading", "time", "urllib"}
"""Parts of the standard library that hold a clock, randomness, a log or a way out; the pure layers do without."""

ALLOWED = {
    "engine/core": {"engine.core", "sortedcontainers", "msgspec", "xxhash"},
    "engine/language": {"engine.core", "engine.language", "lark", "ruamel", "msgspec"},
    "engine/runtime": {"engine.core", "engine.runtime", "trio", "structlog", "msgspec"},
    "engine/simulate.py": {"engine.core", "engine.language", "msgspec"},
    "engine/rehearsal.py": {"engine.core", "engine.simulate"},
    "engine/why": {"engine.core", "engine.language", "engine.why", "msgspec"},
}
PURE = ["engine/core", "engine/language", "engine/simulate.py", "engine/rehearsal.py", "engine/why"]


def files(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: the path is the import, so imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("place", ALLOWED)
def test_a_layer_imports_only_what_the_map_allows(place: str) -> None:
    found = files(place)
    assert found
    for file in found:
        for module in imports(file):
            top = module.partition(".")[0]
            assert top in STDLIB or is_within(module, ALLOWED[place]), f"{file.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("place", PURE)
def test_a_pure_layer_has_no_clock_no_randomness_no_log_and_no_way_out(place: str) -> None:
    for file in files(place):
        impure = {module.partition(".")[0] for module in imports(file)} & IMPURE
        assert not impure, f"{file.relative_to(ROOT)} imports {', '.join(impure)}"


def test_nothing_imports_tests_or_benches() -> None:
    for place in ("engine", "adapters"):
        for file in files(place):
            assert not any(is_within(module, {"tests", "bench"}) for module in imports(file)), file


def test_the_map_names_every_part_of_the_engine() -> None:
    stated = (ROOT / "engine" / "__init__.py").read_text()
    parts = [path.stem for path in (ROOT / "engine").iterdir() if path.stem.isalpha()]
    assert all(f"\n{part} " in stated for part in parts), parts


def test_the_engine_gives_away_the_function_that_tries_triggers_out() -> None:
    from engine import simulate  # noqa: PLC0415  the import is the fact

    assert simulate("triggers: {t: {when: inactive for 1d}}", []) == []
