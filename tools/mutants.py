#!/usr/bin/env python3
"""Does a test notice when a mechanism is taken away? Builds seeded defects and shows which test kills each.

A mutant is an entry of tests/mutants/<layer>.toml: a file, the text that implements a mechanism, what stands in its
place, and the tests that have to notice. The tree is copied to build/mutants and built there once, where the tests
must pass; then each mutant is put in, its tests are built and run until one fails, and the file is put back. A mutant
that no test notices survives, and the run fails. The old text must be there exactly once: a mutant that no longer fits
fails, too; tools/mutants_test.py asks that in every ./dev test.

What a test is called:

    journal_test   journal_test:Journal.*-Journal.Slow                         an executable, and which of its tests
    tests/cli/operations.script                                                a golden script of the command
    python/tests/test_arguments.py   python/tests/test_arguments.py::test_x    tests of the Python package
    compiler:-Wthread-safety                           a warning, when the others' executables are compiled

A mutant is built as ./dev test builds (preset dev), or under the preset it names: what only the thread sanitizer sees.
"""

import argparse
import datetime
import json
import os
import platform
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
TABLES = ROOT / "tests/mutants"
TEST_SECONDS_MAX = 300
HANGS_AFTER = 20  # times what the test takes in the unchanged tree, and as many seconds for a busy machine
WARNING = "compiler:"
PRESETS = ("dev", "clang", "asan", "tsan")


@dataclass
class Mutant:
    """One seeded defect."""

    name: str
    promise: str          # what it breaks
    file: str             # below the root
    old: str              # there exactly once
    new: str
    tests: list           # as above
    preset: str = "dev"   # of CMakePresets.json

    def apply(self, text):
        """The file's text with the defect. Raises ValueError when it does not fit."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its text is {found} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def target_of(test):
    """What has to be built for it."""
    if test.endswith(".script"):
        return "strata"
    return "_strata" if test.startswith("python/") else test.partition(":")[0]


def executables_of(tests):
    return [test for test in tests if not test.startswith(WARNING)]


def targets_of(mutants):
    return sorted({target_of(test) for mutant in mutants for test in executables_of(mutant.tests)})


def warning_of(tests, output):
    """The first of the tests that is a warning of which the compiler made an error, or None."""
    told = re.findall(r"\[-Werror,(-W[\w-]+)\]", output)
    return next((test for test in tests if test.startswith(WARNING)
                 and any(flag.startswith(test.removeprefix(WARNING)) for flag in told)), None)


def load(folder=TABLES):
    """All mutants of all tables, by table. Raises ValueError naming what is wrong with an entry."""
    mutants = []
    for path in sorted(Path(folder).glob("*.toml")):
        for entry in tomllib.loads(path.read_text()).get("mutant", []):
            missing = {"name", "promise", "file", "old", "new", "tests"} - entry.keys()
            if missing:
                raise ValueError(f"{path.name}: {entry.get('name', 'an entry')} has no {', '.join(sorted(missing))}")
            mutants.append(Mutant(**entry))
            if mutants[-1].preset not in PRESETS:
                raise ValueError(f"{path.name}: {entry['name']} has preset {entry['preset']}, not one of "
                                 + ", ".join(PRESETS))
            if not executables_of(mutants[-1].tests):
                raise ValueError(f"{path.name}: {entry['name']} names nothing that is built")
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
    for name in source_tree.files(tree):
        if name not in wanted:
            (tree / name).unlink()
    installed = tree / "third_party/duckdb/install"
    if not installed.exists():
        installed.parent.mkdir(parents=True, exist_ok=True)
        installed.symlink_to(ROOT / "third_party/duckdb/install")


def run(command, seconds=None, **options):
    """(exit code, output); 124 when the time was over."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=seconds, **options)
    except subprocess.TimeoutExpired as expired:
        said = expired.stdout or b""
        return 124, said if isinstance(said, str) else said.decode(errors="replace")
    return done.returncode, done.stdout


def failure(test, code, output, limit):
    """Which one it was, of several."""
    for failed in (r"\[  FAILED  \] (\S+?),? ", r"^FAILED \S+?::(\S+)"):
        if found := re.search(failed, output + " ", re.MULTILINE):
            return found.group(1)
    begun = re.findall(r"\[ RUN      \] (\S+)", output)
    last = begun[-1] if begun else test
    if found := re.search(r"(?:Thread|Address)Sanitizer: ([a-z -]+)", output):
        return f"{last} ({found.group(1).strip()})"
    if code == 124:
        return f"{last} (did not end in {limit:.0f} s)"
    return f"{last} (ended by signal {-code})" if code < 0 else f"{last} (exit code {code})"


class Laboratory:
    """The copied tree and its build directories, one for each preset."""

    def __init__(self, jobs):
        self.tree = Path(os.environ.get("STRATA_BUILD", ROOT / "build")).resolve() / "mutants"
        self.jobs = jobs
        self.seconds = {}  # that each test took in the unchanged tree, by preset

    def prepare(self, mutants):
        self.tree.mkdir(parents=True, exist_ok=True)
        copy_tree(self.tree)
        for preset in sorted({mutant.preset for mutant in mutants}):
            targets = targets_of(mutant for mutant in mutants if mutant.preset == preset)
            options = []
            if "_strata" in targets:
                options = ["-DSTRATA_BUILD_PYTHON=ON", f"-DPython_EXECUTABLE={sys.executable}"]
            if options or not (self.build(preset) / "build.ninja").exists():
                code, output = run(["cmake", "--preset", preset, "-S", self.tree, "-B", self.build(preset), *options],
                                   cwd=self.tree, env=self.environment())
                if code:
                    sys.exit(f"mutants: configuring {preset} failed\n{output}")
            code, output = self.compile(preset, targets)
            if code:
                sys.exit(f"mutants: the unchanged tree does not build under {preset}\n{output[-4000:]}")

    def build(self, preset):
        # Where ./dev has it, as seen from a checkout: the compiler cache then knows most of it.
        return self.tree / "build" / preset

    def environment(self):
        return os.environ | {"CCACHE_BASEDIR": str(self.tree), "CCACHE_NOHASHDIR": "true"}

    def compile(self, preset, targets):
        return run(["cmake", "--build", self.build(preset), "-j", str(self.jobs), "--target", *targets],
                   env=self.environment())

    def executable(self, preset, target):
        for path in self.build(preset).rglob(target):
            if path.is_file() and os.access(path, os.X_OK) and "CMakeFiles" not in path.parts:
                return path
        sys.exit(f"mutants: there is no executable {target}")

    def command(self, preset, test):
        """(what runs it, in which environment)"""
        if test.endswith(".script"):
            return [sys.executable, self.tree / "tests/cli/run_script.py", self.executable(preset, "strata"),
                    self.tree / test], os.environ
        if test.startswith("python/"):
            [module] = self.build(preset).glob("python/_strata*.so")
            place = self.tree / "python/strata" / module.name
            place.unlink(missing_ok=True)
            place.symlink_to(module)
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", self.tree / test]
            return command, os.environ | {"PYTHONPATH": str(self.tree / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
        target, _, selected = test.partition(":")
        command = [self.executable(preset, target), "--gtest_fail_fast"]
        # As ./dev test: the thread sanitizer ends a process at its first report.
        environment = os.environ | {"TSAN_OPTIONS": "second_deadlock_stack=1:halt_on_error=1"}
        return command + ([f"--gtest_filter={selected}"] if selected else []), environment

    def test(self, tests, preset="dev"):
        """The first test that fails, or None."""
        for test in executables_of(tests):
            command, environment = self.command(preset, test)
            known = self.seconds.get((preset, test), TEST_SECONDS_MAX)
            limit = min(TEST_SECONDS_MAX, HANGS_AFTER * (1 + known))
            began = time.monotonic()
            code, output = run(command, limit, cwd=self.build(preset), env=environment)
            if code != 0:
                return failure(test, code, output, limit)
            self.seconds.setdefault((preset, test), time.monotonic() - began)
        return None

    def judge(self, mutant):
        """("killed", by what) or ("survived", "") or ("broken", why)."""
        path = self.tree / mutant.file
        before = path.read_text()
        try:
            path.write_text(mutant.apply(before))
        except ValueError as error:
            return "broken", str(error)
        try:
            code, output = self.compile(mutant.preset, targets_of([mutant]))
            if code:
                if warning := warning_of(mutant.tests, output):
                    return "killed", warning
                errors = [line for line in output.splitlines() if "error: " in line]
                return "broken", "does not compile: " + (errors or output.splitlines()[-1:])[0][:200]
            killer = self.test(mutant.tests, mutant.preset)
        finally:
            path.write_text(before)
        return ("killed", killer) if killer else ("survived", "")


def check_tests_pass(laboratory, mutants):
    """A test that fails anyway would kill every mutant."""
    for preset, test in sorted({(mutant.preset, test) for mutant in mutants for test in mutant.tests}):
        if failed := laboratory.test([test], preset):
            sys.exit(f"mutants: {failed} of {test} fails in the unchanged tree under {preset}")


def choose(mutants, names=(), sample=0, day=0):
    """Those whose name or file contains one of `names`; of these `sample` (0: all), others on each day, so that in time
    all get their turn. Raises ValueError when there are none."""
    chosen = [mutant for mutant in mutants
              if not names or any(name in mutant.name or name in mutant.file for name in names)]
    if not chosen:
        raise ValueError(f"none is called {' or '.join(names)}; --list names them")
    if sample and sample < len(chosen):
        first = day * sample % len(chosen)
        chosen = (chosen + chosen)[first:first + sample]
    # What one executable needs is compiled together; what changes one file, one after the other.
    return sorted(chosen, key=lambda mutant: (mutant.preset, targets_of([mutant])[0], mutant.file))


def record(path, day, seed, verdicts):
    """Appends a line for `./dev crash --report`: what was tried, and what went wrong."""
    system = platform.uname()
    wrong = sum(verdict != "killed" for verdict in verdicts.values())
    line = {"date": day.isoformat(), "what": "mutants",
            "machine": f"{os.cpu_count()} cores, {system.system} {system.release}, {system.machine}",
            "seed": seed, "count": len(verdicts), "violations": wrong,
            "details": {"killed": len(verdicts) - wrong} |
                       {name: verdict for name, verdict in verdicts.items() if verdict != "killed"},
            "names": sorted(verdicts)}
    with open(path, "a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only those whose name or file contains one of these")
    parser.add_argument("--list", action="store_true", help="name them and what they break, run nothing")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N of them, others on another day")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="compile jobs")
    parser.add_argument("--report", metavar="FILE", help="append a line with the counts to this record")
    arguments = parser.parse_args()
    day = datetime.date.today()
    try:
        mutants = choose(load(), arguments.names, arguments.sample, day.toordinal())
    except (ValueError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"mutants: {error}")
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name:44} {mutant.promise}")
        return 0
    laboratory = Laboratory(arguments.jobs)
    laboratory.prepare(mutants)
    check_tests_pass(laboratory, mutants)
    verdicts = {}
    for mutant in mutants:
        began = time.monotonic()
        verdict, by = laboratory.judge(mutant)
        verdicts[mutant.name] = verdict
        print(f"  {verdict:8} {mutant.name:44} {time.monotonic() - began:6.1f} s  {by or mutant.promise}", flush=True)
    if arguments.report:
        record(arguments.report, day, day.toordinal() if arguments.sample else 0, verdicts)
    count = list(verdicts.values()).count
    print(f"{count('killed')} of {len(mutants)} mutants killed"
          + (f", {count('survived')} survived" if count("survived") else "")
          + (f", {count('broken')} do not fit the code any more" if count("broken") else ""))
    return 0 if count("killed") == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
