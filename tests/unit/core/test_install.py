"""The core alone: a fresh environment that has NumPy and nothing else, and the README's code in it."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

CORE = Path(__file__).parents[3] / "core"

LIST_PACKAGES = """
import sys
from pathlib import Path

for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None) or ""
    if "." not in name and {"site-packages", "dist-packages"} & set(Path(file).parts):
        print(name, file)
"""


def run(*command: str | Path) -> str:
    """What the command prints; it sees no package of this process."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    if shutil.which("ccache"):  # A build from nothing takes most of a minute on two cores.
        environment["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lend_numpy(packages: Path) -> None:
    """Links this process's NumPy, its libraries and its metadata into another environment, so nothing is downloaded."""
    for path in Path(np.__file__).parents[1].glob("numpy*"):
        if re.fullmatch(r"numpy(\.libs|-[^-]+\.dist-info)?", path.name):
            (packages / path.name).symlink_to(path)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="lends NumPy by symbolic links")
def test_pip_installs_the_core_alone_and_the_readme_runs(tmp_path: Path) -> None:
    # The wheel is built with the tools of the environment that runs the tests.
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", tmp_path, CORE)
    (wheel,) = tmp_path.glob("framecast_core-*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    (packages,) = environment.glob("lib/python*/site-packages")
    lend_numpy(packages)
    # Without an index pip fails if the wheel needs more than what is there.
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", wheel)

    blocks = re.findall(r"```python\n(.*?)```", (CORE / "README.md").read_text(), re.DOTALL)
    assert blocks
    program = tmp_path / "readme.py"
    program.write_text("\n".join([*blocks, LIST_PACKAGES]))
    imported = dict(line.split(maxsplit=1) for line in run(python, program).splitlines())
    assert imported.keys() == {"numpy", "framecast_core"}
    assert Path(imported["framecast_core"]).is_relative_to(environment)
