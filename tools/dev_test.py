"""./dev: every verb explains itself, and what does not exist is refused."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def dev(*arguments):
    return subprocess.run([ROOT / "dev", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)


class Dev(unittest.TestCase):
    def test_every_verb_has_its_help(self):
        verbs = re.findall(r"^  (\w+)  +\w", dev("help").stdout, re.MULTILINE)
        self.assertEqual(len(verbs), 11)
        for verb in verbs:
            with self.subTest(verb=verb):
                done = dev(verb, "--help")
                self.assertEqual(done.returncode, 0)
                self.assertTrue(done.stdout.startswith(f"Usage: ./dev {verb}"), done.stdout)

    def test_an_unknown_verb_or_option_is_refused(self):
        for arguments in (["fly"], ["test", "--fly"], ["fuzz", "--fly"], ["install", "--fly"]):
            with self.subTest(arguments=arguments):
                done = dev(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("fly", done.stderr)


if __name__ == "__main__":
    unittest.main()
