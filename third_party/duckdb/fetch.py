#!/usr/bin/env python3
"""Puts DuckDB's library and C header into third_party/duckdb/install, which CMake looks into.

A DuckDB of the system (>= 1.5, library and header) is taken first, by symbolic links. Otherwise both files come from
npm, at the versions and with the SHA-256 sums in pins.json. The sums are checked here, before anything is installed:
npm itself passes over a wrong sum of an optional package in silence. A sum that differs is an error, never a warning.

    fetch.py           install what is missing; says where it came from
    fetch.py --check   only say whether the installed files are whole; exit 1 if not

Exit codes: 0 installed, 1 failed (the reason is on standard error).
"""

import ctypes
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALL = HERE / "install"
SYSTEM_PREFIXES = ("/usr/local", "/usr")
OLDEST_SYSTEM_VERSION = (1, 5)


class Failure(Exception):
    """What went wrong, as one line for the user."""


def load_pins(machine=None, path=HERE / "pins.json"):
    """{installed name: pin} for this kind of machine."""
    machine = machine or platform.machine()
    pins = {}
    for name, by_machine in json.loads(path.read_text())["files"].items():
        pin = by_machine.get(machine) or by_machine.get("any")
        if pin is None:
            raise Failure(f"no DuckDB is pinned for {machine}; install one of version 1.5 on the system")
        pins[name] = pin
    return pins


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(path, expected):
    found = sha256(path)
    if found != expected:
        raise Failure(f"{path.name}: the SHA-256 differs from the pinned one; nothing was installed."
                      f" pinned {expected}, found {found}")


def version_of(library):
    """(1, 5, 5), asked of the library itself; None if it is not a DuckDB that loads."""
    try:
        duckdb = ctypes.CDLL(str(library))
        duckdb.duckdb_library_version.restype = ctypes.c_char_p
        text = duckdb.duckdb_library_version().decode().lstrip("v")
        return tuple(int(part) for part in text.split("-")[0].split(".")[:3])
    except (OSError, AttributeError, ValueError):
        return None


def system_duckdb(prefixes=SYSTEM_PREFIXES):
    """(library, header) of an installed DuckDB that is new enough, or None."""
    for prefix in map(Path, prefixes):
        header = prefix / "include/duckdb.h"
        folders = [prefix / "lib", prefix / "lib64", prefix / f"lib/{platform.machine()}-linux-gnu"]
        for library in (folder / "libduckdb.so" for folder in folders):
            if not (header.is_file() and library.exists()):
                continue
            version = version_of(library)
            if version and version >= OLDEST_SYSTEM_VERSION:
                return library, header
    return None


def is_installed(pins, install=INSTALL):
    """Whole and as pinned, or links to a DuckDB of the system that still exists."""
    paths = {name: install / name for name in pins}
    if not all(path.exists() for path in paths.values()):
        return False
    if all(path.is_symlink() for path in paths.values()):
        return (version_of(paths["lib/libduckdb.so"]) or (0,)) >= OLDEST_SYSTEM_VERSION
    # Hashing 70 MB at every build would be felt: the stamp says which sizes and times were checked against which pins.
    state = json.dumps({name: [pin["sha256"], paths[name].stat().st_size, paths[name].stat().st_mtime_ns]
                        for name, pin in pins.items()}, sort_keys=True)
    stamp = install / "verified.json"
    if stamp.exists() and stamp.read_text() == state:
        return True
    if any(sha256(paths[name]) != pin["sha256"] for name, pin in pins.items()):
        return False
    stamp.write_text(state)
    return True


def download(pin, folder):
    """The pinned package as a file in `folder`."""
    if shutil.which("npm") is None:
        raise Failure("npm is missing; DuckDB's library comes from it (Debian: apt-get install npm)")
    command = ["npm", "pack", "--silent", "--ignore-scripts", pin["package"]]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"npm pack {pin['package']} failed: {done.stderr.strip() or done.stdout.strip()}")
    return folder / done.stdout.strip().splitlines()[-1]


def install_pinned(pins, install=INSTALL, fetch=download):
    """All files are fetched and checked before the first is put in place."""
    install.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=install.parent, prefix=".fetch-") as temporary:
        ready = []
        for number, (name, pin) in enumerate(pins.items()):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            unpacked = folder / Path(name).name
            with tarfile.open(fetch(pin, folder)) as archive:
                member = archive.extractfile(pin["member"])
                with open(unpacked, "wb") as out:
                    shutil.copyfileobj(member, out)
            verify(unpacked, pin["sha256"])
            ready.append((unpacked, install / name))
        for unpacked, target in ready:
            target.parent.mkdir(parents=True, exist_ok=True)
            unpacked.chmod(0o644)
            os.replace(unpacked, target)


def link_system(library, header, install=INSTALL):
    for source, name in ((library, "lib/libduckdb.so"), (header, "include/duckdb.h")):
        target = install / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source)


def main(arguments):
    try:
        system = system_duckdb()
        if system:
            link_system(*system)
            print(f"DuckDB of the system: {system[0]}")
            return 0
        pins = load_pins()
        if is_installed(pins):
            print("DuckDB is installed")
            return 0
        if "--check" in arguments:
            raise Failure("DuckDB is not installed, or its files are not the pinned ones")
        install_pinned(pins)
        is_installed(pins)  # leaves the stamp
        print("DuckDB " + json.loads((HERE / "pins.json").read_text())["version"] + " installed from npm")
        return 0
    except (Failure, OSError, KeyError, tarfile.TarError) as failure:
        print(f"third_party/duckdb: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
