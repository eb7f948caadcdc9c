"""What is around a benchmark: the machine, and where the peers are installed, never needed by Strata."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def loading_python():
    """A Python whose sqlite3 loads extensions (sqlite-vec is one): this one, or the system's. Not every build does."""
    for python in (sys.executable, "/usr/bin/python3"):
        test = "import sqlite3, ensurepip, sys; sys.exit(not hasattr(sqlite3.Connection, 'enable_load_extension'))"
        if os.path.exists(python) and subprocess.run([python, "-c", test], capture_output=True).returncode == 0:
            return python
    return sys.executable


def peer_python(requirements, name):
    """The interpreter of build/<name>, with the peers of that list in it; and what of them could not be installed."""
    venv = Path(os.environ.get("STRATA_BUILD", ROOT / "build")) / name
    venv = venv if venv.is_absolute() else ROOT / venv
    python, absent = venv / "bin/python", {}
    lines = [line for line in (ROOT / "bench" / requirements).read_text().splitlines()
             if line and not line.startswith("#")]
    stamp = venv / "requirements-stamp"
    wanted = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the peers into", venv.relative_to(ROOT) if venv.is_relative_to(ROOT) else venv, flush=True)
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([loading_python(), "-m", "venv", venv], check=True)
        for line in lines:                               # one by one: who cannot be had must not take the others along
            done = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", line],
                                  capture_output=True, text=True)
            if done.returncode:
                absent[line] = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        if not absent:
            stamp.write_text(wanted)
    return python, absent


def machine(directory):
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    kind = subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}, {kind}; "
            f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
