"""The tree a lint looks at, and how a lint is written.

A lint is a module with three names:
  check(tree)  every finding, as `path[:line]: what is wrong`; none when all is well
  CASES        small trees with what check must say of each; a lint that cannot fail is not trusted
  write(tree)  optional: puts generated files right

run.py runs the cases before it looks at the real tree. Debian's python3 and python3-protobuf only.
"""
import dataclasses
import os
import pathlib

# Nothing under these is ours to check: build output and version control.
SKIPPED = {"build", ".git", ".cache", "__pycache__"}


class Tree:
    """Reads files below one root; paths are strings relative to it, with forward slashes."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self._text = {}

    def files(self, *suffixes, under=""):
        """Every file whose name ends in one of `suffixes` (all files when none), below folder `under`, sorted."""
        found = []
        for folder, folders, names in os.walk(self.root / under):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            for name in names:
                if not suffixes or name.endswith(suffixes):
                    found.append((pathlib.Path(folder) / name).relative_to(self.root).as_posix())
        return sorted(found)

    def exists(self, path):
        return (self.root / path).exists()

    def read(self, path):
        if path not in self._text:
            self._text[path] = (self.root / path).read_text(encoding="utf-8")
        return self._text[path]

    def lines(self, path):
        """Pairs of line number, from 1, and line."""
        return enumerate(self.read(path).splitlines(), start=1)


@dataclasses.dataclass(frozen=True)
class Case:
    """A small tree: `files` by path, and what the one finding on it must contain; None: there must be no finding."""

    title: str
    files: dict
    finding: str | None = None


def is_test(path):
    """Tests, and fakes and fixtures that only tests link."""
    name = path.rsplit("/", 1)[-1]
    return path.startswith("tests/") or name.endswith(("_test.cc", "_benchmark.cc")) or name.startswith(("fake_", "testing_"))


def code_only(line):
    """A line of C++ without its comment and without what stands in string literals."""
    out, quote, i = [], None, 0
    while i < len(line):
        c = line[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = None
                out.append(c)
        elif line.startswith("//", i):
            break
        elif c == '"' or (c == "'" and not (out and out[-1].isalnum())):  # 1'000 is a number.
            quote = c
            out.append(c)
        else:
            out.append(c)
        i += 1
    return "".join(out)
