"""The libraries from npm, which `make test-browser` installs beside this file."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent

needs_packages = pytest.mark.skipif(
    not (HERE / "node_modules").exists(), reason="`make test-browser` installs the libraries from npm"
)


def ran(code: str) -> None:
    """Run a module in Node.js."""
    subprocess.run(["node", "--input-type=module"], input=code, text=True, cwd=HERE, check=True, timeout=120)  # noqa: S607


def bundled(code: str) -> str:
    """A module with the libraries that it imports, as one script for a page."""
    command = [str(HERE / "node_modules" / ".bin" / "esbuild"), "--bundle", "--format=iife", "--log-level=warning"]
    return subprocess.check_output(command, input=code, text=True, cwd=HERE, timeout=120)  # noqa: S603
