"""Which files are ours: what git tracks or would track, else (no git, no repository) all but build outputs.

    source_tree.py .h .cc      prints them, one a line, filtered by ending
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {".git", ".venv", "build", "dist", "install", "node_modules", "__pycache__", ".pytest_cache"}


def files(root=ROOT, endings=()):
    """Paths relative to `root`, with '/', sorted; those that end in one of `endings` (all when there are none)."""
    root = Path(root)
    names = _of_git(root)
    if names is None:
        names = _of_walk(root)
    return sorted(name for name in names if not endings or name.endswith(tuple(endings)))


def read(root, name):
    """The text of a file; None when it is not text."""
    try:
        return (Path(root) / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _of_git(root):
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return None
    if done.returncode != 0:
        return None
    return {name for name in done.stdout.decode().split("\0") if name and (root / name).is_file()}


def _of_walk(root):
    found = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".strata")]
        found.update(str((Path(folder) / name).relative_to(root)) for name in names)
    return found


if __name__ == "__main__":
    print("\n".join(files(endings=sys.argv[1:])))
