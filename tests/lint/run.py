#!/usr/bin/python3
"""usage: run.py LINT [--write]

Shows that the lint fails on what it must fail on (its own cases), then looks at this repository.
--write puts the files that the lint generates right instead. Exit status: 0 clean, 1 findings, 2 wrong use.
"""
import importlib
import pathlib
import sys
import tempfile

import tree as trees

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LINTS = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("run", "tree", "descriptors"))


def failed_cases(lint):
    """What of the lint's own cases did not come out as it must."""
    failures = []
    if not any(case.finding for case in lint.CASES) or not any(case.finding is None for case in lint.CASES):
        failures.append("the lint needs at least one case that passes and one that fails")
    for case in lint.CASES:
        with tempfile.TemporaryDirectory(prefix="accord-lint-") as root:
            for path, text in case.files.items():
                file = pathlib.Path(root) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            findings = lint.check(trees.Tree(root))
        if case.finding is None and findings:
            failures.append(f"case “{case.title}” must pass, but: {findings}")
        elif case.finding is not None and (len(findings) != 1 or case.finding not in findings[0]):
            failures.append(f"case “{case.title}” must give one finding with “{case.finding}”, but: {findings}")
    return failures


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] not in LINTS or arguments[1:] not in ([], ["--write"]):
        print(__doc__, "lints:", *LINTS, file=sys.stderr)
        return 2
    lint = importlib.import_module(arguments[0])
    tree = trees.Tree(ROOT)
    if arguments[1:] == ["--write"]:
        if not hasattr(lint, "write"):
            print(f"{arguments[0]} generates nothing", file=sys.stderr)
            return 2
        lint.write(tree)
        return 0
    failures = failed_cases(lint)
    for failure in failures:
        print(f"{arguments[0]}: {failure}")
    findings = lint.check(tree)
    for finding in findings:
        print(finding)
    print(f"{arguments[0]}: {len(lint.CASES)} cases, {len(failures)} of them wrong; {len(findings)} findings in the tree")
    return 1 if failures or findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
