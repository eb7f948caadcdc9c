"""mutants.py: every mutant fits the code as it is, and is tried by a test that is there."""

import json
import re
import sys
import tempfile
import unittest
import unittest.mock
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mutants  # noqa: E402

ROOT = mutants.ROOT
ENTRY = """[[mutant]]
name = "{name}"
promise = "p"
file = "f.cc"
old = '''sync();'''
new = ''''''
tests = ["x_test"]
"""


def executables():
    """{executable: the titles of its tests, as gtest's filter sees them}"""
    found = {}
    for source in sorted([*ROOT.glob("src/**/*_test.cc"), *ROOT.glob("tests/*/*_test.cc")]):
        module = next(folder for folder in source.parents if (folder / "CMakeLists.txt").is_file())
        target = (f"strata_{module.name}" if module.parent == ROOT / "tests"
                  else "_".join(module.relative_to(ROOT / "src").parts) + "_test")
        titles = re.findall(r"^TEST(?:_[FP])?\((\w+), (\w+)\)", source.read_text(), re.MULTILINE)
        found.setdefault(target, []).extend(f"{suite}.{title}" for suite, title in titles)
    return found


class Tables(unittest.TestCase):
    def test_every_mutant_fits_the_code(self):
        for mutant in mutants.load():
            with self.subTest(mutant=mutant.name):
                self.assertTrue((ROOT / mutant.file).is_file(), f"there is no {mutant.file}")
                text = (ROOT / mutant.file).read_text()
                self.assertNotEqual(mutant.apply(text), text)

    def test_every_mutant_names_tests_that_are_there(self):
        known = executables()
        for mutant in mutants.load():
            for test in mutants.executables_of(mutant.tests):
                target, _, selected = test.partition(":")
                with self.subTest(mutant=mutant.name, test=test):
                    if "/" in target:
                        self.assertTrue((ROOT / target).is_file(), f"there is no {target}")
                        self.assertIn(f"def {selected.strip(':')}", (ROOT / target).read_text() if selected else "def ")
                        continue
                    self.assertIn(target, known)
                    for pattern in filter(None, selected.partition("-")[0].split(":")):
                        suite_and_title = pattern.rpartition("/")[2]  # without the name of a parameter list
                        wanted = re.compile(re.escape(suite_and_title).replace(r"\*", ".*") + "$")
                        self.assertTrue(any(wanted.match(title) for title in known[target]), f"no test is {pattern}")

    def test_every_mutant_of_the_guarantees_is_in_the_tables(self):
        known = {mutant.name for mutant in mutants.load()}
        rows = [line for line in (ROOT / "docs/guarantees.md").read_text().splitlines()
                if line.startswith("| ") and line.count(" | ") == 3]
        named = [name for row in rows for name in re.findall(r"`([^`]+)`", row.rsplit(" | ", 1)[1])]
        self.assertGreater(len(named), 20)
        for name in named:
            self.assertIn(name, known)


class Mutants(unittest.TestCase):
    def load(self, *tables):
        with tempfile.TemporaryDirectory() as folder:
            for number, text in enumerate(tables):
                (Path(folder) / f"{number}.toml").write_text(text)
            return mutants.load(folder)

    def test_a_mutant_is_put_in_once_or_not_at_all(self):
        mutant = self.load(ENTRY.format(name="a"))[0]
        self.assertEqual(mutant.apply("write(); sync(); wake();"), "write();  wake();")
        for text in ("write();", "sync(); sync();"):
            with self.assertRaisesRegex(ValueError, "a: its text is . times in f.cc, not once"):
                mutant.apply(text)

    def test_a_table_with_a_gap_or_a_name_twice_is_refused(self):
        with self.assertRaisesRegex(ValueError, "0.toml: a has no tests"):
            self.load(ENTRY.format(name="a").replace('tests = ["x_test"]', ""))
        with self.assertRaisesRegex(ValueError, "0.toml: a has preset fast, not one of dev"):
            self.load(ENTRY.format(name="a") + 'preset = "fast"\n')
        with self.assertRaisesRegex(ValueError, "0.toml: a names nothing that is built"):
            self.load(ENTRY.format(name="a").replace("x_test", "compiler:-Wthread-safety"))
        with self.assertRaisesRegex(ValueError, "two mutants are called a"):
            self.load(ENTRY.format(name="a"), ENTRY.format(name="a"))

    def test_what_is_built_for_a_test(self):
        self.assertEqual(mutants.target_of("journal_test:Journal.*"), "journal_test")
        self.assertEqual(mutants.target_of("tests/cli/operations.script"), "strata")
        self.assertEqual(mutants.target_of("python/tests/test_arguments.py::test_x"), "_strata")

    def test_a_failure_is_told_by_its_name(self):
        for test, code, output, told in (
                ("x_test:A.*", 1, "[ RUN      ] A.B\n[  FAILED  ] A.B (3 ms)\n", "A.B"),
                ("x_test:A.*", 1, "[ RUN      ] A.B/0\n[  FAILED  ] A.B/0, where GetParam() = 1 (3 ms)\n", "A.B/0"),
                ("x_test:A.*", 124, "[ RUN      ] A.B\n[       OK ] A.B\n[ RUN      ] A.C\n",
                 "A.C (did not end in 21 s)"),
                ("x_test", -6, "", "x_test (ended by signal 6)"),
                ("x_test", 66, "[ RUN      ] A.B\nWARNING: ThreadSanitizer: data race (pid=1)\n", "A.B (data race)"),
                ("python/tests/test_a.py", 1, "F\nFAILED ../t/test_a.py::test_x[3] - DID NOT RAISE\n", "test_x[3]"),
                ("tests/cli/a.script", 1, "a.script: not as written:\n", "tests/cli/a.script (exit code 1)")):
            with self.subTest(test=test, code=code):
                self.assertEqual(mutants.failure(test, code, output, 21), told)

    def test_a_warning_kills_when_it_is_the_one_that_is_named(self):
        output = "a.cc:3:1: error: reading 'x' requires holding 'm' [-Werror,-Wthread-safety-analysis]\n"
        tests = ["x_test", "compiler:-Wthread-safety"]
        self.assertEqual(mutants.warning_of(tests, output), "compiler:-Wthread-safety")
        self.assertIsNone(mutants.warning_of(tests, "a.cc:3:1: error: no x [-Werror,-Wunused]\na.cc: error: y\n"))
        self.assertIsNone(mutants.warning_of(["x_test"], output))

    def test_a_test_that_hangs_is_given_up_by_what_it_took_before(self):
        laboratory = mutants.Laboratory(1)
        laboratory.build = lambda preset: ROOT
        laboratory.command = lambda preset, test: (["true"], None)
        self.assertIsNone(laboratory.test(["quick"]))
        self.assertLess(laboratory.seconds["dev", "quick"], 10)
        laboratory.command = lambda preset, test: (["sleep", "100"], None)
        with unittest.mock.patch.object(mutants, "HANGS_AFTER", 0.01):
            self.assertIn("quick (did not end in 0 s)", laboratory.test(["quick"]))

    def test_a_sample_gives_each_its_turn(self):
        every = self.load(*(ENTRY.format(name=name) for name in "abcdefg"))
        seen = set()
        for day in range(7):
            chosen = mutants.choose(every, sample=3, day=day)
            self.assertEqual(len({mutant.name for mutant in chosen}), 3)
            seen.update(mutant.name for mutant in chosen)
        self.assertEqual(seen, set("abcdefg"))
        self.assertEqual([mutant.name for mutant in mutants.choose(every, names=["b"])], ["b"])
        self.assertEqual(len(mutants.choose(every, names=["f.cc"])), 7)
        with self.assertRaisesRegex(ValueError, "none is called z"):
            mutants.choose(every, names=["z"])

    def test_a_run_leaves_a_line_in_the_record(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.jsonl"
            mutants.record(path, date(2026, 11, 27), 0, {"a": "killed", "b": "killed"})
            mutants.record(path, date(2026, 11, 28), 5, {"a": "survived", "b": "killed", "c": "broken"})
            good, bad = (json.loads(line) for line in path.read_text().splitlines())
        self.assertEqual((good["date"], good["what"]), ("2026-11-27", "mutants"))
        self.assertEqual((good["count"], good["violations"], good["names"]), (2, 0, ["a", "b"]))
        self.assertEqual((bad["seed"], bad["count"], bad["violations"]), (5, 3, 2))
        self.assertEqual(bad["details"], {"killed": 1, "a": "survived", "c": "broken"})


if __name__ == "__main__":
    unittest.main()
