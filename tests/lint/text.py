"""What every text file keeps to: no tabs, no trailing blanks, a newline at the end, no TODO without its issue; scripts parse;
relative links in documents lead to files that exist; a source too long for one reading says at its top why it is better whole."""
import posixpath
import re
import subprocess

from tree import Case, is_test

TEXT = (".cc", ".h", ".proto", ".py", ".sh", ".md", ".txt", ".cmake", ".toml", ".example", ".json", ".yml", ".yaml",
        ".clang-format", ".clang-tidy", "Dockerfile", "run", ".gitignore", ".suppressions")
SOURCE_LINES_MAX = 500  # style.md §2
HEADER_LINES_MAX = 200  # style.md says "usually 150": the remaining 50 are for comments.
WHOLE = "better whole"   # The words to say it with, in the first 30 lines.


def check(tree):
    findings = []
    for path in tree.files(*TEXT):
        text = tree.read(path)
        if text and not text.endswith("\n"):
            findings.append(f"{path}: no newline at the end")
        if text.endswith("\n\n"):
            findings.append(f"{path}: empty lines at the end")
        for number, line in tree.lines(path):
            if "\t" in line:
                findings.append(f"{path}:{number}: a tab")
            if line != line.rstrip():
                findings.append(f"{path}:{number}: blanks at the end")
            if re.search(r"\b(TODO|FIXME)\b(?!\(#\d+\): )", line) and not path.startswith("tests/lint/"):
                findings.append(f"{path}:{number}: TODO without its issue: `TODO(#123): …`")
        if path.endswith((".cc", ".h")) and not is_test(path):
            limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
            lines = text.splitlines()
            if len(lines) > limit and WHOLE not in " ".join(lines[:30]):
                findings.append(f"{path}: {len(lines)} lines, over {limit}, and does not say at its top why it is {WHOLE}")
        if path.endswith(".md"):
            findings += links(tree, path)
        if path.endswith(".sh") or text.startswith("#!/bin/bash") or text.startswith("#!/usr/bin/env bash"):
            parsed = subprocess.run(["bash", "-n", tree.root / path], capture_output=True, text=True, check=False)
            if parsed.returncode != 0:
                findings.append(f"{path}: does not parse: {parsed.stderr.strip()}")
    return findings


def links(tree, path):
    findings = []
    fenced = False
    for number, line in tree.lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.partition("#")[0]))
            if file.startswith("..") or not tree.exists(file):
                findings.append(f"{path}:{number}: link to {target}, which is not there")
    return findings


CASES = [
    Case("clean", {"a.cc": "int a;\n", "README.md": "See [b](docs/b.md#x), [w](https://a.b) and `[c](d.md)`.\n", "docs/b.md": "# x\n",
                   "a.sh": "#!/bin/bash\ntrue\n", "common/c.h": "// TODO(#12): later.\n"}),
    Case("tab", {"a.h": "int\ta;\n"}, "a.h:1: a tab"),
    Case("trailing blank", {"a.proto": "a \n"}, "blanks at the end"),
    Case("no newline", {"a.py": "a"}, "no newline"),
    Case("empty last line", {"a.py": "a\n\n"}, "empty lines at the end"),
    Case("nameless TODO", {"a.cc": "// TODO: later\n"}, "TODO without its issue"),
    Case("TODO of a person", {"a.cc": "// TODO(anna): later\n"}, "TODO without its issue"),
    Case("dead link", {"README.md": "[x](docs/none.md)\n"}, "README.md:1: link to docs/none.md"),
    Case("dead link from a folder", {"docs/a.md": "[x](README.md)\n", "README.md": "x\n"}, "docs/a.md:1"),
    Case("script that does not parse", {"deploy/a.sh": "if true; then\n"}, "does not parse"),
    Case("script by its first line", {".ci/run": "#!/usr/bin/env bash\nfor\n"}, "does not parse"),
    Case("long source", {"common/a.cc": "int a;\n" * 501}, "501 lines"),
    Case("long header", {"common/a.h": "int a;\n" * 201}, "201 lines"),
    Case("long source with its reason", {"common/a.cc": "// It is better whole: one table.\n" + "int a;\n" * 501}),
]
