#!/usr/bin/env python3
"""Runs a golden script against the real command.

    run_script.py <strata> <script>…             compares; exit 1 and the difference when something is not as written
    run_script.py <strata> <script>… --update    writes what came out; read the diff before committing it

A script is blocks of command lines, a line `---`, and what they print (standard output and error as they come; a line
`exit 66` after it when the exit code is not 0). Command lines begin with `$ ` and go to sh in one empty folder for the
whole script, with `strata` in the PATH. Lines before the first block and lines that begin with # are for the reader. In
what is expected, <number>, <hex>, <uuid>, <time> and <any> stand for what differs from run to run.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PATTERNS = {
    "<number>": r"-?\d[\d,]*(\.\d+)?(e-?\d+)?",
    "<hex>": r"[0-9a-f]{8,}",
    "<uuid>": r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "<any>": r".*",
}
TIMEOUT_S = 120


class Block:
    def __init__(self, notes):
        self.notes, self.commands, self.expected = notes, [], []


def parse(text):
    """The blocks, and the notes after the last one."""
    blocks, notes, block, in_expected = [], [], None, False
    for line in text.splitlines():
        if line.startswith("$ "):
            if block is None or in_expected:
                block, in_expected = Block(notes), False
                blocks.append(block)
                notes = []
            block.commands.append(line[2:])
        elif line == "---" and block and not in_expected:
            in_expected = True
        elif line.startswith("#") or block is None:
            notes.append(line)
        elif in_expected:
            block.expected.append(line)
        elif line.strip():
            raise SystemExit(f"neither a command nor --- : {line}")
    return blocks, notes


def trimmed(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def run(commands, folder, environment):
    done = subprocess.run(["sh", "-c", "\n".join(commands)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return trimmed(lines + ([f"exit {done.returncode}"] if done.returncode else []))


def matches(expected, line):
    pattern = re.escape(expected)
    for name, expression in PATTERNS.items():
        pattern = pattern.replace(re.escape(name), expression)
    return re.fullmatch(pattern, line) is not None


def same(expected, lines):
    return len(expected) == len(lines) and all(map(matches, expected, lines))


def environment_with(command, folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}
    path = f"{Path(command).resolve().parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "HOME": folder, "PYTHON": sys.executable}


def run_script(command, script, update):
    blocks, rest = parse(script.read_text(encoding="utf-8"))
    wrong, out = 0, []
    with tempfile.TemporaryDirectory(prefix="strata-cli-") as folder:
        environment = environment_with(command, folder)
        for block in blocks:
            lines = run(block.commands, folder, environment)
            expected = trimmed(block.expected)
            fine = same(expected, lines)
            if not fine and not update:
                wrong += 1
                print(f"{script.name}: not as written:\n" + "\n".join("  $ " + each for each in block.commands))
                difference = difflib.unified_diff(expected, lines, "written", "came", lineterm="")
                print("\n".join("    " + each for each in difference))
            commands = ["$ " + each for each in block.commands]
            out += [*block.notes, *commands, "---", *(expected if fine else lines), ""]
    if update:
        script.write_text("\n".join(trimmed(out + rest)) + "\n", encoding="utf-8")
    return wrong


def main(arguments):
    update = "--update" in arguments
    command, *scripts = [each for each in arguments if each != "--update"]
    wrong = sum(run_script(command, Path(script), update) for script in scripts)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
