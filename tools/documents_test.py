"""check_links.py and generate_error_table.py, and that this tree's documents pass."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_links  # noqa: E402
import generate_error_table  # noqa: E402


class Links(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name).resolve()
        (self.root / "docs").mkdir()
        (self.root / "README.md").write_text("# Strata\n\n## What `it` is\n\n## Again\n\n## Again\n")

    def problems(self, text, name="docs/page.md"):
        (self.root / name).write_text(text)
        return [problem for problem in check_links.check(self.root) if problem.startswith(name)]

    def test_what_resolves_passes(self):
        text = ("[a](../README.md) [b](../README.md#what-it-is) ![c](page.md)\n"
                "[d](https://example.org/x) [e](#here)\n[f]: ../README.md#again-1\n## Here\n")
        self.assertEqual(self.problems(text), [])

    def test_what_does_not_is_named_with_its_line(self):
        self.assertEqual(self.problems("\n[a](gone.md)\n"), ["docs/page.md:2: gone.md does not exist"])
        self.assertEqual(self.problems("[a](../README.md#gone)\n"),
                         ["docs/page.md:1: ../README.md#gone: no such heading"])

    def test_no_link_leads_out_of_the_repository(self):
        self.assertEqual(self.problems("[a](../../x)\n"), ["docs/page.md:1: ../../x leads out of the repository"])
        self.assertEqual(self.problems("[a](/etc/passwd)\n"), ["docs/page.md:1: /etc/passwd is not relative"])

    def test_code_is_not_prose(self):
        self.assertEqual(self.problems("```md\n[a](gone.md)\n```\n`[a](gone.md)`\n"), [])

    def test_paths_in_backticks_are_in_the_tree(self):
        self.assertEqual(self.problems("`docs/page.md` and `docs/<name>.md`\n"), [])
        self.assertEqual(self.problems("`src/gone.cc`\n"), ["docs/page.md:1: `src/gone.cc` is not in the tree"])

    def test_this_tree_passes(self):
        self.assertEqual(check_links.check(), [])


class ErrorTable(unittest.TestCase):
    def test_every_code_has_a_sentence(self):
        text = generate_error_table.SOURCE.read_text()
        self.assertEqual({row[0] for row in generate_error_table.read_codes(text)}, set(generate_error_table.MEANING))

    def test_a_row_of_another_width_is_refused(self):
        with self.assertRaisesRegex(ValueError, "3 columns, not 9"):
            generate_error_table.read_codes('STRATA_ERROR(odd, never, "x")\n')

    def test_the_page_is_fresh(self):
        self.assertEqual(generate_error_table.main(["--check"]), 0)


if __name__ == "__main__":
    unittest.main()
