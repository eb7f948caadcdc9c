#!/usr/bin/env python3
"""Does a test notice when a mechanism is taken away? ./dev mutants builds seeded defects and shows which test kills each.

A mutant is an entry of tests/mutants/<layer>.toml: a file, the text that implements a mechanism, what stands in its place,
and the test executables that have to notice. The tree is copied to build/mutants/tree and built there once; then each
mutant is put in, its tests are built and run until one fails, and the file is put back. A mutant that no test notices
survives, and the run fails. The old text must be there exactly once: a mutant that no longer fits is an error, too.

    ./dev mutants                    all of them
    ./dev mutants --list             what there is, without running
    ./dev mutants --sample 3         three, chosen by the day: each gets its turn
    ./dev mutants drop-batch-sync    one, or everything whose name contains the text
"""

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import source_tree  # noqa: E402  (beside this file)

ROOT = source_tree.ROOT
TEST_SECONDS_MAX = 300


@dataclass
class Mutant:
    """One seeded defect."""

    name: str
    promise: str          # what it breaks
    file: str
    old: str
    new: str
    tests: list           # "journal_test" or "journal_test:Journal.*-Journal.Slow"

    def apply(self, text):
        """The file's text with the defect. Raises ValueError when it does not fit."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its text is {found} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def load(folder):
    """All mutants of all tables, by table. Raises ValueError naming what is wrong with an entry."""
    mutants = []
    for path in sorted(Path(folder).glob("*.toml")):
        for entry in tomllib.loads(path.read_text()).get("mutant", []):
            missing = {"name", "promise", "file", "old", "new", "tests"} - entry.keys()
            if missing:
                raise ValueError(f"{path.name}: {entry.get('name', 'an entry')} has no {', '.join(sorted(missing))}")
            mutants.append(Mutant(**entry))
    names = [mutant.name for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two mutants are called {name}")
    return mutants


def copy_tree(tree):
    """What git tracks or would track, as it is now; files that did not change keep their time, so ninja skips them."""
    wanted = set(source_tree.files(ROOT))
    for name in wanted:
        source, target = ROOT / name, tree / name
        if not source.is_file():
            continue
        content = source.read_bytes()
        if target.exists() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        shutil.copymode(source, target)
    for path in list(tree.rglob("*")):
        if path.is_file() and not path.is_symlink() and str(path.relative_to(tree)) not in wanted:
            path.unlink()
    installed = tree / "third_party/duckdb/install"
    if not installed.exists():
        installed.parent.mkdir(parents=True, exist_ok=True)
        installed.symlink_to(ROOT / "third_party/duckdb/install")


def run(command, seconds=None, **options):
    """(exit code, output); 124 when the time was over."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=seconds, **options)
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, done.stdout


class Laboratory:
    """The copied tree and its build directory."""

    def __init__(self, jobs):
        self.base = Path(os.environ.get("STRATA_BUILD", ROOT / "build")).resolve() / "mutants"
        self.tree, self.build, self.jobs = self.base / "tree", self.base / "build", jobs

    def prepare(self, targets):
        self.tree.mkdir(parents=True, exist_ok=True)
        copy_tree(self.tree)
        if not (self.build / "build.ninja").exists():
            code, output = run(["cmake", "--preset", "dev", "-S", self.tree, "-B", self.build], cwd=self.tree,
                               env=self.environment())
            if code:
                sys.exit(f"mutants: configuring failed\n{output}")
        code, output = self.compile(targets)
        if code:
            sys.exit(f"mutants: the unchanged tree does not build\n{output[-4000:]}")

    def environment(self):
        return os.environ | {"CCACHE_BASEDIR": str(self.tree), "CCACHE_NOHASHDIR": "true"}

    def compile(self, targets):
        return run(["cmake", "--build", self.build, "-j", str(self.jobs), "--target", *targets], env=self.environment())

    def executable(self, target):
        for path in self.build.rglob(target):
            if path.is_file() and os.access(path, os.X_OK) and "CMakeFiles" not in path.parts:
                return path
        sys.exit(f"mutants: there is no executable {target}")

    def test(self, tests):
        """The first test that fails, or None."""
        for test in tests:
            target, _, selected = test.partition(":")
            command = [self.executable(target), "--gtest_brief=1", "--gtest_fail_fast"]
            if selected:
                command.append(f"--gtest_filter={selected}")
            code, output = run(command, TEST_SECONDS_MAX, cwd=self.build)
            if code == 0:
                continue
            failed = re.search(r"\[  FAILED  \] (\S+?),? ", output + " ")
            if failed:
                return failed.group(1)
            if code == 124:
                return f"{target} (did not end in {TEST_SECONDS_MAX} s)"
            return f"{target} (ended by signal {-code})" if code < 0 else f"{target} (exit code {code})"
        return None

    def judge(self, mutant):
        """("killed", by what) or ("survived", "") or ("broken", why)."""
        path = self.tree / mutant.file
        before = path.read_text()
        try:
            path.write_text(mutant.apply(before))
        except ValueError as error:
            return "broken", str(error)
        targets = list(dict.fromkeys(test.partition(":")[0] for test in mutant.tests))
        try:
            code, output = self.compile(targets)
            if code:
                errors = [line for line in output.splitlines() if "error" in line]
                return "broken", "does not compile: " + (errors or output.splitlines()[-1:])[0][:200]
            killer = self.test(mutant.tests)
        finally:
            path.write_text(before)
        return ("killed", killer) if killer else ("survived", "")


def check_tests_pass(laboratory, mutants):
    """A test that fails anyway would kill every mutant."""
    for test in sorted({test for mutant in mutants for test in mutant.tests}):
        if failed := laboratory.test([test]):
            sys.exit(f"mutants: {failed} of {test} fails in the unchanged tree")


def choose(mutants, arguments):
    chosen = [mutant for mutant in mutants
              if not arguments.names or any(name in mutant.name for name in arguments.names)]
    if not chosen:
        sys.exit(f"mutants: none is called {' or '.join(arguments.names)}; --list names them")
    if arguments.sample and arguments.sample < len(chosen):
        first = datetime.date.today().toordinal() * arguments.sample % len(chosen)
        chosen = (chosen + chosen)[first:first + arguments.sample]
    return chosen


def main():
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__.split("\n")[0], epilog=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only those whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="name them, run nothing")
    parser.add_argument("--sample", type=int, metavar="N", help="only N, others on another day")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compile jobs (default: processors)")
    arguments = parser.parse_args()
    try:
        mutants = choose(load(ROOT / "tests/mutants"), arguments)
    except (ValueError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"mutants: {error}")
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name:34} {mutant.file:44} {mutant.promise}")
        return 0
    laboratory = Laboratory(arguments.jobs)
    laboratory.prepare(sorted({test.partition(":")[0] for mutant in mutants for test in mutant.tests}))
    check_tests_pass(laboratory, mutants)
    count = {"killed": 0, "survived": 0, "broken": 0}
    for mutant in mutants:
        began = time.monotonic()
        verdict, by = laboratory.judge(mutant)
        count[verdict] += 1
        print(f"  {verdict:8} {mutant.name:34} {time.monotonic() - began:6.1f} s  {by or mutant.promise}", flush=True)
    print(f"{count['killed']} of {len(mutants)} mutants killed"
          + (f", {count['survived']} survived" if count["survived"] else "")
          + (f", {count['broken']} do not fit the code any more" if count["broken"] else ""))
    return 0 if count["killed"] == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
