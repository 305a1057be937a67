"""Every rule of the decision is held by a test: each condition of the files of SOURCES is spoilt in turn, and the decision tests must fail.

usage: decision_mutation_test.py BUILD_DIRECTORY [--write LIST] [--only N,N]

A mutant changes one operator or one name of a rule list. One that no test notices is listed and fails this test, unless it is named
in EQUIVALENT: those change no decision, for the reason given there. Needs a built common_referral_decision_test. Runs for some
ten minutes on two cores: label `long`.
"""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCES = ["common/referral/always_rules.cc", "common/referral/route_rules.cc", "common/referral/decision.cc", "common/referral/compiled_policy.cc"]
LIBRARY, TESTS = "common_referral", "common_referral_decision_test"
# A pattern of one token, and what stands in its place.
OPERATORS = [
    (re.compile(r" == "), " != "), (re.compile(r" != "), " == "), (re.compile(r" && "), " || "), (re.compile(r" \|\| "), " && "),
    (re.compile(r" <= "), " < "), (re.compile(r" >= "), " > "), (re.compile(r"(?<= )<(?= )(?! ?[A-Z])"), "<="), (re.compile(r" > "), " >= "),
    (re.compile(r"(?<=[( ])!(?=[a-zA-Z(])"), ""), (re.compile(r"return true;"), "return false;"), (re.compile(r"return false;"), "return true;"),
    (re.compile(r"VERDICT_WITHHOLD(?=,)"), "VERDICT_PERMIT"), (re.compile(r"VERDICT_NEEDS_BASIS(?=,)"), "VERDICT_PERMIT"),
    (re.compile(r"VERDICT_REFUSE(?=,)"), "VERDICT_WITHHOLD"),
]
# Names of the rules in the two lists, each left out in turn.
LISTS = re.compile(r"for \(const auto& rule : \{([^}]*)\}\)")
# What changes no decision. Words of the mutated line → why.
EQUIVALENT = {
    "conflicts.end() || barred->second": "reads past the end of the map: undefined, not another decision",
    "std::tie(a->needs_consent, a->id) <= std::tie": "ids of routes are unique",
    "rank(a) <= rank(b)": "equal sets are not added twice",
    "rank(*best, *best_route) <= rank(ruling, route)": "no two routes have one rule id",
    "JURISDICTION_UNSPECIFIED || !absl::c_linear_search": "no Act extends to an unspecified part, and a part that is there twice is there",
}


def mutants(path):
    """(line number, what, text of the whole mutated file) of each mutant."""
    text = open(path).read()
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines):
        code = line.split("//")[0]
        if code.lstrip().startswith(("#", "static_assert", "ACCORD_CHECK")) or "template" in code or "find(" in code and "end()" in code:
            continue
        rules = LISTS.search(code)
        if rules:
            names = [name.strip() for name in rules.group(1).split(",")]
            for name in names:
                rest = ", ".join(other for other in names if other != name)
                found.append((number, f"without {name}", line.replace(rules.group(1), rest)))
            continue
        for pattern, instead in OPERATORS:
            for match in pattern.finditer(code):
                if in_string(code, match.start()):
                    continue
                changed = line[:match.start()] + instead + line[match.end():]
                found.append((number, f"`{match.group().strip()}` → `{instead.strip() or 'nothing'}`", changed))
    for number, what, changed in found:
        yield number + 1, what, changed.strip(), "\n".join(lines[:number] + [changed] + lines[number + 1:])


def in_string(code, at):
    return code[:at].replace('\\"', "").count('"') % 2 == 1


class Builder:
    """Links the decision tests with the library's files compiled one by one, so that a mutant stands in the place of its file alone."""

    def __init__(self, build, scratch):
        self.build = build
        commands = json.load(open(os.path.join(build, "compile_commands.json")))
        tests = next(command for command in commands if f"/{TESTS}.dir/" in command["command"])
        words = [word for word in shlex.split(tests["command"]) if "ccache" not in word and not word.startswith("CCACHE_")]
        self.compile = words[words.index(next(word for word in words if word.endswith("++"))):] + ["-w", "-Wno-error"]  # A mutant may look odd.
        self.compile[self.compile.index("-o") + 1] = self.compile[self.compile.index("-c") + 1] = ""
        for option, count in (("-MD", 1), ("-MT", 2), ("-MF", 2)):
            if option in self.compile:
                at = self.compile.index(option)
                del self.compile[at:at + count]
        link = subprocess.run(["ninja", "-C", build, "-t", "commands", TESTS], capture_output=True, text=True, check=True)
        last = link.stdout.strip().split("\n")[-1]
        self.link = shlex.split(re.sub(r"^.*?: && | && :$", "", last))
        self.objects = {}
        for command in commands:
            if f"/{LIBRARY}.dir/" not in command["command"]:
                continue
            batch = re.findall(r'#include "([^"]+\.cc)"', open(command["file"]).read()) if "/Unity/" in command["file"] else [command["file"]]
            for source in batch:
                self.objects[os.path.relpath(source)] = os.path.join(scratch, os.path.basename(source) + ".o")
        for source, object_file in self.objects.items():
            made = self.made(source, object_file)
            if made.returncode != 0:
                raise RuntimeError(made.stderr)
        if missing := [source for source in SOURCES if source not in self.objects]:
            raise RuntimeError(f"not among the files of {LIBRARY}: {missing}")

    def made(self, source, target):
        words = list(self.compile)
        words[words.index("-o") + 1] = target
        words[words.index("-c") + 1] = os.path.abspath(source)
        return subprocess.run(words, cwd=self.build, capture_output=True, text=True)

    def killed(self, source, text, scratch):
        """True when a test fails, None when the mutant does not compile."""
        mutated = os.path.join(scratch, os.path.basename(source))
        with open(mutated, "w") as file:
            file.write(text)
        target = os.path.join(scratch, "mutant.o")
        if self.made(mutated, target).returncode != 0:
            return None
        program = os.path.join(scratch, "mutant")
        link = list(self.link)
        link[link.index("-o") + 1] = program
        # Before the library, of which the linker then takes nothing.
        first = next(i for i, word in enumerate(link) if word.endswith(".o"))
        link[first:first] = [target if of == source else object_file for of, object_file in self.objects.items()]
        made = subprocess.run(link, cwd=self.build, capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(made.stderr)
        root = os.getcwd()
        for tests in ("DecisionTest.*", "DecisionPropertyTest.*"):
            try:
                run = subprocess.run([program, f"--gtest_filter={tests}", "--gtest_brief=1"], cwd=root, capture_output=True, timeout=120)
            except subprocess.TimeoutExpired:
                return True
            if run.returncode != 0:
                return True
        return False


def main():
    build = os.path.abspath(sys.argv[1])
    only = {int(n) for n in sys.argv[sys.argv.index("--only") + 1].split(",")} if "--only" in sys.argv else None
    originals = tempfile.TemporaryDirectory(prefix="mutants-")
    builder = Builder(build, originals.name)
    if builder.killed(SOURCES[0], open(SOURCES[0]).read(), originals.name) is not False:
        raise RuntimeError("the decision tests fail, or do not compile, without any mutant")
    work = [(source, *mutant) for source in SOURCES for mutant in mutants(source)]
    rows = []

    def one(item):
        index, (source, line, what, changed, text) = item
        if only and index not in only:
            return None
        scratch = tempfile.mkdtemp(prefix="mutant-")
        try:
            return index, source, line, what, changed, builder.killed(source, text, scratch)
        finally:
            shutil.rmtree(scratch)

    with concurrent.futures.ThreadPoolExecutor(max_workers=int(os.environ.get("MUTANTS_AT_ONCE", "2"))) as pool:
        for row in pool.map(one, enumerate(work)):
            if row is None:
                continue
            rows.append(row)
            index, source, line, what, changed, killed = row
            if killed is False:
                print(f"{index}: {source}:{line}: {what} is not noticed: {changed}", flush=True)
            elif index % 20 == 0:
                print(f"{index} of {len(work)}", file=sys.stderr, flush=True)
    noticed = [row for row in rows if row[5]]
    survivors = [row for row in rows if row[5] is False]
    equivalent = [row for row in survivors if any(words in row[4] for words in EQUIVALENT)]
    unknown = [row for row in survivors if row not in equivalent]
    uncompiled = [row for row in rows if row[5] is None]
    print(f"{len(rows)} mutants: {len(noticed)} noticed, {len(equivalent)} change no decision, {len(uncompiled)} do not compile, {len(unknown)} NOT NOTICED")
    if "--write" in sys.argv:
        with open(sys.argv[sys.argv.index("--write") + 1], "w") as file:
            for index, source, line, what, changed, killed in rows:
                verdict = "noticed" if killed else "does not compile" if killed is None else "NOT NOTICED"
                file.write(f"{source}:{line}\t{what}\t{verdict}\t{changed}\n")
    return 1 if unknown or not noticed else 0


if __name__ == "__main__":
    sys.exit(main())
