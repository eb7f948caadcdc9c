#!/usr/bin/env python3
"""Installs a build, moves the prefix away, and uses it as a project of somebody else would, from outside of this tree:
the programs of docs/guides/cpp.md and README.md, each through find_package and through pkg-config.

    install_test.py <build directory>
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/cpp.md").read_text()
README = (ROOT / "README.md").read_text()
build_directory = None

# The front page shows what happens inside a function, on a database that has its collection and its table.
README_PROGRAM = """
{includes}
#include <cstdio>
#include <vector>

strata::Result<void> prepare() {{
  auto db = STRATA_TRY(strata::Engine::open("notes.strata"));
  STRATA_TRY(db->vector().create_collection("notes", {{.dimension = 3}}));
  STRATA_TRY(db->metadata().execute("create table note(id text primary key, title text)"));
  return db->close();
}}

strata::Result<strata::Lsn> write(const std::vector<float>& embedding) {{
{code}
  return lsn;
}}

strata::Result<void> read(const std::vector<float>& embedding, strata::Lsn lsn) {{
  auto db = STRATA_TRY(strata::Engine::open("notes.strata", {{.create = false}}));
  auto then = STRATA_TRY(db->view(strata::AsOf::at(lsn)));
  auto hits = STRATA_TRY(then->vector("notes").search(embedding, {{.k = 1}}));
  auto rows = STRATA_TRY(then->metadata().query("select title from note where id = ?", {{hits.at(0).id}}));
  std::printf("%s %s\\n", strata::to_json(hits[0].payload).c_str(), rows.rows.at(0).at(0).text()->c_str());
  return {{}};
}}

strata::Result<void> run() {{
  const std::vector<float> embedding{{1, 2, 3}};
  STRATA_TRY(prepare());
  const strata::Lsn lsn = STRATA_TRY(write(embedding));
  return read(embedding, lsn);
}}

int main() {{
  auto done = run();
  if (!done) std::fputs(done.error().to_string().c_str(), stderr);
  return done ? 0 : 1;
}}
"""
README_SAYS = '{"lang":"en"} Why the build broke\n'
GUIDE_SAYS = ("n1 is near\nit was called: Why the build broke\n"
              "remembered: The build broke because the header moved.\n")

# Our namespaces below strata; none of them is anybody else's business.
INTERNAL = "cli|core|engine|interchange|io|journal|memory|operations|store|testing|transaction"


def block(text, language, number=0):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[number]


def readme_program():
    code = block(README, "cpp")
    includes = "\n".join(re.findall(r"^#include.*", code, re.MULTILINE))
    return README_PROGRAM.format(includes=includes, code=re.sub(r"^#include.*\n", "", code, flags=re.MULTILINE))


def run(*command, check=True, **options):
    environment = {name: value for name, value in os.environ.items() if name not in ("LD_LIBRARY_PATH", "LD_PRELOAD")}
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment | options.pop("env", {}), **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def symbols(options, file, kinds="A-Za-z"):
    lines = run("nm", options, "--defined-only", file).stdout
    return re.findall(rf"^[0-9a-f]+ [{kinds}] (.*)$", lines, re.MULTILINE)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.here = Path(holder.name)
        run("cmake", "--install", build_directory, "--prefix", cls.here / "first")
        cls.prefix = cls.here / "moved to" / "another place"
        cls.prefix.parent.mkdir()
        (cls.here / "first").rename(cls.prefix)
        cls.library = next(cls.prefix.glob("lib*/**/libstrata.so"))
        shutil.rmtree(cls.here / "first", ignore_errors=True)

    def project(self, name, program):
        directory = self.here / name
        directory.mkdir()
        (directory / "main.cc").write_text(program)
        (directory / "CMakeLists.txt").write_text(block(GUIDE, "cmake"))
        return directory

    def through_find_package(self, name, program):
        directory = self.project(f"{name}-cmake", program)
        run("cmake", "-G", "Ninja", "-S", directory, "-B", directory / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror")
        run("cmake", "--build", directory / "build")
        return run(directory / "build/notes", cwd=directory).stdout

    def through_pkg_config(self, name, program):
        # A word of pkg-config's answer cannot hold a space in a shell: a link without one leads to the prefix.
        directory = self.project(f"{name}-pkg-config", program)
        link = directory / "strata"
        link.symlink_to(self.prefix)
        return run("bash", "-eu", "-c", block(GUIDE, "sh"), cwd=directory, env={"prefix": str(link)}).stdout

    def test_the_guide_works_through_find_package(self):
        self.assertEqual(self.through_find_package("guide", block(GUIDE, "cpp")), GUIDE_SAYS)

    def test_the_guide_works_through_pkg_config(self):
        self.assertEqual(self.through_pkg_config("guide", block(GUIDE, "cpp")), GUIDE_SAYS)

    def test_the_front_page_works_through_find_package(self):
        self.assertEqual(self.through_find_package("readme", readme_program()), README_SAYS)

    def test_the_front_page_works_through_pkg_config(self):
        self.assertEqual(self.through_pkg_config("readme", readme_program()), README_SAYS)

    def test_the_command_works(self):
        database = self.here / "command.strata"
        command = self.prefix / "bin/strata"
        run(command, "sql", database, "create table note(id text primary key)")
        run(command, "sql", database, "insert into note values ('n1')")
        self.assertEqual(run(command, "sql", database, "select id from note").stdout, "n1\n")

    def test_another_version_is_refused(self):
        for version in ("0.0.9", "0.2", "1.0"):
            with self.subTest(version=version):
                directory = self.here / version
                directory.mkdir()
                (directory / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES NONE)\n"
                    f"find_package(strata {version} REQUIRED)\n")
                done = run("cmake", "-G", "Ninja", "-S", directory, "-B", directory / "build",
                           f"-DCMAKE_PREFIX_PATH={self.prefix}", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("compatible with requested version", " ".join(done.stderr.split()))

    def test_it_exports_the_public_contracts_and_nothing_else_of_ours(self):
        exported = set(symbols("-DC", self.library))
        self.assertIn("strata::Engine::open", {name.partition("(")[0] for name in exported})
        of_ours = re.compile(rf"((typeinfo|vtable)[a-z ]* for )?strata::({INTERNAL})::")
        inner = [name for name in exported if of_ours.match(name)]
        self.assertEqual(inner, [])
        # A function directly in our namespace is declared in a public header; inline ones every program has for itself.
        archives = build_directory.glob("src/**/libstrata_*.a")
        defined = {name for archive in archives for name in symbols("-C", archive, "T")
                   if name.startswith("strata::") and not of_ours.match(name)}
        self.assertGreater(len(defined), 50)
        self.assertEqual(defined - exported, set())

    def test_nothing_points_back_to_where_it_was_built(self):
        for file in (self.library, self.prefix / "bin/strata"):
            with self.subTest(file=file.name):
                paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", run("readelf", "-d", file).stdout)
                self.assertEqual([path for path in paths if not path.startswith("$ORIGIN/")], [])
        for file in self.prefix.glob("lib*/**/*"):
            if file.suffix in (".cmake", ".pc"):
                with self.subTest(file=file.name):
                    self.assertNotIn(str(ROOT), file.read_text())
                    self.assertNotIn(str(self.here / "first"), file.read_text())


if __name__ == "__main__":
    build_directory = Path(sys.argv.pop(1)).resolve()
    unittest.main()
