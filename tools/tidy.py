#!/usr/bin/env python3
"""House rules: our own mistakes, each with what to write instead. A test in our own language (after TigerBeetle's
tidy.zig). A rule that is wrong for one line is waived there, with the reason, on that line or the one above it:

    ::rename(old, fresh);  // tidy: allow raw-file: the socket has no io::File

Prints `file:line: rule: what is wrong; what to write instead`, exits 1 if anything is. The rules are the table RULES;
where a folder is exempt as a whole, the reason stands beside it.
"""

import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import source_tree  # noqa: E402
from cpp_text import blank, line_of  # noqa: E402

COLUMNS_MAX = 120
CPP = (".h", ".cc")
TEXT = (".h", ".cc", ".def", ".py", ".md", ".cmake", ".txt", ".sh", ".json", ".toml", ".yml", ".ts", ".pyi", "dev",
        "run")
MEASURED = (".py", ".pyi", ".sh", "dev", "run")  # in C++ clang-format decides; tables of other kinds may be wide
TESTS = ("*_test.cc", "*_bench.cc", "*_fuzz.cc", "tests/*", "bench/*", "src/testing/*")


@dataclass
class Rule:
    """Code (not comments, not strings) that matches `pattern` is refused outside `allowed`."""
    name: str
    pattern: str
    instead: str
    allowed: tuple = ()                                  # globs, each with its reason in the table
    only: tuple = ("src/*", "include/*", "python/*", "tests/*", "bench/*")
    regex: re.Pattern = field(init=False)

    def __post_init__(self):
        self.regex = re.compile(self.pattern)

    def applies_to(self, name):
        return any(fnmatch(name, glob) for glob in self.only) and not any(fnmatch(name, glob) for glob in self.allowed)


SYSTEM_FILE_CALLS = ("open openat creat read write pread pwrite pwritev rename renameat unlink unlinkat link ftruncate "
                     "truncate fsync fdatasync sync_file_range fallocate mmap munmap mkdir rmdir opendir flock "
                     "copy_file_range").replace(" ", "|")
RULES = [
    Rule("raw-file", rf"(?<![\w>:])::({SYSTEM_FILE_CALLS})\s*\(|(?<![\w.>:])(fsync|fdatasync|fallocate|sync_file_range|"
         r"fopen|mkstemp|posix_fallocate|mmap)\s*\(|std::(rename|remove)\s*\(\s*[^,()]+[,)](?=\s*;)",
         "io::FileSystem, so that a test can hold the disk",
         # io is that interface; tests damage files on purpose
         ("src/io/*", *TESTS)),
    Rule("raw-stream", r"std::(basic_)?[io]?fstream\b", "io::FileSystem",
         # the command reads and writes the user's own files
         ("src/io/*", "src/cli/*", *TESTS)),
    Rule("mutex", r"std::(recursive_|shared_|timed_)?mutex\b|std::(lock_guard|scoped_lock|unique_lock|shared_lock)\b|"
         r"std::condition_variable", "core::Mutex, MutexLock and Condition, which clang's analysis checks",
         # it wraps them; tests start threads of their own
         ("src/core/mutex.h", *TESTS)),
    Rule("throw", r"(?<!\w)throw\b", "return an Error; exceptions of libraries are caught where they are called",
         # the C++ to Python border speaks exceptions
         ("python/*", *TESTS)),
    Rule("random", r"(?<![\w.>:])s?rand\s*\(|std::(random_device|mt19937\w*|default_random_engine|minstd_rand0?)\b",
         "core::Random, seeded through the constructor", ("src/core/random.*",)),
    Rule("clock", r"std::chrono::(system|steady|high_resolution|utc)_clock\b|(?<![\w.>:])(time|gettimeofday|"
         r"clock_gettime|localtime|gmtime|mktime)\s*\((?!\s*\))",
         "core::Clock, through the constructor",
         # it wraps them; a bench measures, a thread test waits
         ("src/core/clock.*", *TESTS)),
    Rule("sleep", r"std::this_thread::sleep_(for|until)|(?<![\w.>:])(usleep|nanosleep|sleep)\s*\(",
         "wait for the event: core::Condition, a future, a read that blocks", ("bench/*", "tests/crash/*")),
    Rule("print", r"(?<![\w.>])(std::)?(printf|fprintf|puts|fputs|putchar|perror)\s*\(|"
         r"std::(cout|cerr|clog)\b",
         "return the text, or an Error",
         # the command talks; a failed assertion has nobody to return to
         ("src/cli/*", "src/core/assert.cc", *TESTS)),
    Rule("unsafe-c", r"(?<![\w.>:])(v?sprintf|strcpy|strcat|gets|strtok|atoi|atol|atoll|atof|tmpnam|system)\s*\(",
         "std::string, std::from_chars, posix_spawn with arguments"),
    Rule("assert", r"(?<![\w.>:])assert\s*\(|#\s*include\s*<(cassert|assert\.h)>",
         "STRATA_ASSERT (stays on) or STRATA_DEBUG_ASSERT (inner loops)"),
    Rule("delete", r"(?<![\w.>:])delete\s*(\[\s*\])?\s+?[\w*(]", "std::unique_ptr", ()),
    Rule("endl", r"std::endl\b", "'\\n'"),
    Rule("using-namespace", r"\busing\s+namespace\s+std\b", "std::"),
    Rule("header-namespace", r"\busing\s+namespace\b", "the name spelled out", (), ("*.h",)),
    Rule("befriend", r"\bFRIEND_TEST\b|\bfriend\s+class\s+\w*Test\b|#\s*define\s+private\b",
         "test through the public surface"),
    Rule("not-here", r"#\s*include\s*<(expected|format|iostream|regex)>",
         "strata/error.h; std::to_chars; core codecs (libstdc++ 12 lacks the first two; the others are slow to start)",
         ("src/cli/*", "src/core/assert.cc", *TESTS)),
]

ANSWERED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|stuff|impl|new|old|v\d+)(_|$)")
# A directory of somebody's machine: home folders here; the place of this very checkout is added at run time.
MACHINE_PATH = r"(?<![\w.$}~])/(home|Users|root|workspace|mnt)/[\w.-]+"


def machine_path(root):
    """Also this checkout and the folder it is in, unless a machine like any other has that folder."""
    ordinary = {"/", "/tmp", "/var", "/opt", "/srv", "/usr", "/usr/src", "/src", "/build", "/home", "/app", "/code"}
    here = [str(path) for path in (root, root.parent) if len(str(path)) > 3 and str(path) not in ordinary]
    return re.compile("|".join([MACHINE_PATH, *(rf"(?<![\w.$}}~-]){re.escape(path)}(?=/)" for path in here)]))


def check_code(name, text):
    """The table, over code alone."""
    if not name.endswith(CPP):
        return
    code = blank(text)
    for rule in RULES:
        if rule.applies_to(name):
            for found in rule.regex.finditer(code):
                yield line_of(code, found.start()), rule.name, f"{found.group().strip()}; instead: {rule.instead}"


def check_comments(name, text):
    """Words that do not land, and code that was commented out."""
    if not name.endswith(CPP + (".py", ".cmake", "CMakeLists.txt")):
        return
    own = name.startswith("tools/tidy")
    for number, line in enumerate(text.splitlines(), 1):
        if not own and re.search(r"\b(FIXME|XXX|HACK)\b", line):
            yield number, "fixme", "FIXME, XXX or HACK; fix it, or say as TODO what is missing and why"
        if not own and re.search(r"\bTODO\s*\(", line):
            yield number, "todo", "TODO with a name; say what and why, without an author"
    if not name.endswith(CPP):
        return
    run = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        looks = re.match(r"\s*//(?!/) {0,3}(?! )\S.*[;{}]\s*$", line) and re.search(r"[=(]|^\s*//\s*}\s*$", line)
        if looks:
            run.append(number)
            continue
        if len(run) >= 2:
            yield run[0], "dead-code", f"{len(run)} lines of code in comments; delete them, git remembers"
        run = []


def check_layout(name, text, elsewhere):
    """Lines, tabs, endings, guards, machine paths."""
    if name == "LICENSE" or not name.endswith(TEXT):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS_MAX and name.endswith(MEASURED):
            yield number, "columns", f"{len(line)} columns; at most {COLUMNS_MAX}"
        if line != line.rstrip() and not (name.endswith(".md") and line.endswith("  ")):
            yield number, "trailing-space", "white space at the end of the line"
        if "\t" in line and name.endswith(CPP + (".py", ".md", ".cmake")):
            yield number, "tab", "a tab; instead: spaces"
        if not name.startswith("tools/tidy") and (found := elsewhere.search(line)):
            yield number, "machine-path", f"{found.group()} is a place on one machine; instead: a relative path"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "last-line", "no line break at the end of the file"
    if name.endswith(".h"):
        first = next((line for line in blank(text).splitlines() if line.strip()), "")
        if first.strip() != "#pragma once":
            yield 1, "pragma-once", "the first line that is no comment is not #pragma once"
    if name.endswith(".md"):
        titles = [line for line in without_fences(text) if line.startswith("# ")]
        if len(titles) != 1:
            yield 1, "one-title", f"{len(titles)} titles of the first level; a document has one"


def without_fences(text):
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def check_name(name):
    stem = name.rsplit("/", 1)[-1].split(".")[0]
    if not name.endswith((".h", ".cc", ".py")):
        return
    if name.startswith(("src/", "include/")) and not re.fullmatch(r"[a-z0-9_]+", stem):
        yield 1, "file-name", f"{stem} is not snake_case"
    if found := ANSWERED_NAMES.search(stem):
        yield 1, "file-name", f"{found.group(2)} says nothing; name what its functions share"


def waived(lines, number, rule):
    """`tidy: allow <rule>: <reason>` on the line, or on the one above it."""
    for line in lines[max(number - 2, 0) : number]:
        if re.search(rf"tidy: allow {re.escape(rule)}: \S", line):
            return True
    return False


def check_text(name, text, elsewhere):
    lines = text.splitlines()
    problems = chain(check_code(name, text), check_comments(name, text), check_layout(name, text, elsewhere),
                     check_name(name))
    for number, rule, message in problems:
        if not waived(lines, number, rule):
            yield f"{name}:{number}: {rule}: {message}"


SCOPE = re.compile(r"^(?:inline )?namespace(?: \[\[.*?\]\])?(?: (?P<space>[\w:]+))? \{|^(?P<end>\})$|"
                   r"^(?:struct|class|enum class|enum) (?P<type>\w+)(?: final)?(?: ?:(?!:)[^;{]*)? \{", re.M)


def types_of(text):
    """(line, qualified name) of each class and enumeration outside of nameless namespaces."""
    code = re.sub(r"^\}[ \t]+$", "}", blank(text), flags=re.M)
    spaces = []
    for found in SCOPE.finditer(code):
        if found["type"]:
            if None not in spaces:
                yield line_of(code, found.start()), "::".join([*spaces, found["type"]])
        elif found["end"]:
            spaces = spaces[:-1]
        else:
            spaces.append(found["space"])


def check_types(texts):
    """Two types of one qualified name are one symbol to the linker, which keeps the members of either for both."""
    seen = {}
    for name, text in texts.items():
        ours = name.endswith(CPP) and name.startswith(("src/", "include/"))
        if not ours or any(fnmatch(name, glob) for glob in TESTS):
            continue
        for number, qualified in types_of(text):
            first = seen.setdefault(qualified, name)
            if first != name and not waived(text.splitlines(), number, "one-name"):
                yield f"{name}:{number}: one-name: {qualified} is in {first}, too; instead: another name"


def check(root=source_tree.ROOT):
    root = Path(root)
    elsewhere = machine_path(root)
    texts = {name: source_tree.read(root, name) for name in source_tree.files(root)}
    texts = {name: text for name, text in texts.items() if text is not None}
    problems = [problem for name, text in texts.items() for problem in check_text(name, text, elsewhere)]
    return problems + list(check_types(texts))


if __name__ == "__main__":
    found = check()
    if found:
        print("\n".join(found))
        print("Where a rule is wrong for one line, waive it there: // tidy: allow <rule>: <reason>")
    sys.exit(1 if found else 0)
