"""fetch.py: nothing that differs from its pin is ever installed."""

import hashlib
import io
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch  # noqa: E402


def package(folder, content):
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/file")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return path


class Fetch(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.install = Path(holder.name) / "install"
        self.pins = {
            name: {"package": name, "member": "package/file", "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in (("lib/libduckdb.so", b"library"), ("include/duckdb.h", b"header"))
        }

    def fetch_with(self, contents):
        return lambda pin, folder: package(folder, contents[pin["package"]])

    def test_installs_what_matches_its_pin(self):
        fetch.install_pinned(self.pins, self.install,
                             self.fetch_with({"lib/libduckdb.so": b"library", "include/duckdb.h": b"header"}))
        self.assertEqual((self.install / "lib/libduckdb.so").read_bytes(), b"library")
        self.assertTrue(fetch.is_installed(self.pins, self.install))

    def test_a_wrong_sum_installs_nothing(self):
        with self.assertRaisesRegex(fetch.Failure, "differs from the pinned one"):
            fetch.install_pinned(self.pins, self.install,
                                 self.fetch_with({"lib/libduckdb.so": b"library", "include/duckdb.h": b"other"}))
        self.assertFalse((self.install / "lib/libduckdb.so").exists())
        self.assertFalse(fetch.is_installed(self.pins, self.install))

    def test_a_changed_file_is_not_taken_for_installed(self):
        self.test_installs_what_matches_its_pin()
        (self.install / "lib/libduckdb.so").write_bytes(b"libraries")
        self.assertFalse(fetch.is_installed(self.pins, self.install))

    def test_a_machine_without_a_pin_is_told_so(self):
        with self.assertRaisesRegex(fetch.Failure, "no DuckDB is pinned for sparc"):
            fetch.load_pins("sparc")

    def test_both_architectures_are_pinned_with_whole_sums(self):
        for machine in ("x86_64", "aarch64"):
            for pin in fetch.load_pins(machine).values():
                self.assertRegex(pin["sha256"], r"^[0-9a-f]{64}$")

    def test_a_library_that_is_no_duckdb_has_no_version(self):
        self.assertIsNone(fetch.version_of(Path(__file__)))


if __name__ == "__main__":
    unittest.main()
