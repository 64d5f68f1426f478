"""The independent interpreter, in an environment of its own below the build folder; only tests use it."""

import os
import pathlib
import subprocess
import sys
import venv

PACKAGES = ["numpy==1.26.4", "ai-edge-litert==1.2.0"]
SKIPPED = 77


class Unavailable(Exception):
    pass


def python(folder):
    """The environment's interpreter; makes the environment when it is not there or of other packages."""
    folder = pathlib.Path(folder)
    stamp = folder / "packages"
    program = folder / "bin" / "python"
    if stamp.exists() and stamp.read_text().split() == PACKAGES:
        return program
    try:
        venv.create(folder, clear=True, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise Unavailable(f"no virtual environment: {error}; install python3-venv") from error
    pip = subprocess.run([program, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
                          "--only-binary=:all:", *PACKAGES], capture_output=True, text=True, check=False)
    if pip.returncode != 0:
        raise Unavailable(f"{' '.join(PACKAGES)} cannot be installed for Python "
                          f"{sys.version_info.major}.{sys.version_info.minor}: {pip.stderr.strip()[-300:]}")
    stamp.write_text("\n".join(PACKAGES))
    return program


def missing(reason):
    """Ends a test that cannot run: skipped, or failed where nothing may be missing."""
    print(reason)
    sys.exit(1 if os.environ.get("TINYRIG_REQUIRE_DATA") == "1" else SKIPPED)
