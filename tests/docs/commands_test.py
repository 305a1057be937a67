#!/usr/bin/python3
"""usage: commands_test.py BIN

Every command that the documents show is one: program or script is there, each verb and option is in its --help; in a fence, what is
required is given too; who is named can have that id; and the page of the manual of each program has what its --help has. Looks at lines of fences and at `code` that begin with a program of BIN (build/release/bin) or with a script of this repository, and at the examples of each verb's --help.
"""
import functools
import itertools
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = {"build", ".git"}
PROGRAMS = {"accord-broker", "accord-police", "accord-childrens", "accord-housing", "accord-health", "accord-idva", "accord-agency", "accordctl",
            "accord-verify", "accord-bench"}
HELP_SECONDS = 20
PRINCIPALS = ("agency", "admin", "inspector")


def snippets():
    """File, line, text, and whether it stands in a fence."""
    for path in sorted(ROOT.rglob("*.md")):
        relative = path.relative_to(ROOT)
        if relative.parts[0] in SKIPPED:
            continue
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif fenced or line.startswith("    "):  # Indented code counts as a fence.
                yield relative, number, line.strip(), True
            else:
                for code in re.findall(r"`([^`]+)`", line):
                    yield relative, number, code, False


@functools.lru_cache(maxsize=None)
def help_of(*command):
    """What `COMMAND --help` prints; None when that fails."""
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=HELP_SECONDS, check=False)
    return done.stdout if done.returncode == 0 else None


def options_of(text):
    """Option → whether it takes a value, as CLI11 prints them."""
    options = {}
    for names, value in re.findall(r"^ +(-[\w,-]+)(?: ([A-Z]+[\w:{},.=\[\] -]*))?", text, re.M):
        for name in names.split(","):
            options[name] = options.get(name, False) or bool(value)  # An example that goes on in the next line may begin it with one.
    return options


def verbs_of(text):
    _, _, listed = text.partition("Subcommands:\n")
    return re.findall(r"^  ([\w-]+)\s", listed, re.M)


def lacking(text, given, positionals):
    """What `text`, the help of a verb, requires and was not given."""
    if re.search(r"^Usage: .* SUBCOMMAND$", text, re.M):
        return "a verb is needed"
    for line in re.findall(r"^ +-.*REQUIRED.*$", text, re.M):
        if not given & set(line.split()[0].split(",")):
            return f"{line.split()[0]} is needed"
    needed = len(re.findall(r"^ +[A-Z]+ .*REQUIRED", text, re.M))
    return None if positionals >= needed else "an argument is needed"


def names_nobody(word, option):
    """Whether `word`, or as the value of `option`, names somebody by what can be no id; ID and $ID stand for one."""
    kind, slash, name = word.partition("/")
    if slash and kind in PRINCIPALS:
        word = name
    elif option not in ("--as", "--as-admin"):
        return False
    return not re.fullmatch(r"[a-z0-9-]{1,63}|[A-Z]+|\$\{?\w+\}?", word)


def judge_program(binary, words, fenced):
    """What is wrong with a command line of one of our programs; none when it is good."""
    for option, word in zip(words, words[1:]):
        if names_nobody(word, option):
            return f"nobody can be called {word}"
    command, options = [str(binary / words[0])], {}
    text = help_of(*command)
    if text is None:
        return f"{words[0]} --help fails"
    options.update(options_of(text))
    positionals, given, rest = 0, set(), list(words[1:])
    required = [text]  # The program's own options, and the last verb.
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if word not in options:
                return f"no option {word}"
            if options[word] and not rest:
                return f"{word} needs a value"
            given.add(word)
            if options[word]:
                rest.pop(0)
        elif word in verbs_of(text) and positionals == 0:
            command.append(word)
            text = help_of(*command)
            options.update(options_of(text or ""))
            if text is None:
                return f"{' '.join(command[1:])} --help fails"
            required = [re.sub(r"^Usage: .*$", "", required[0], flags=re.M), text]
        elif "Positionals:" in text:
            positionals += 1
        else:
            return f"no verb {word}"
    if fenced and not given & {"--help", "--man", "--version"}:
        return next((wrong for wrong in (lacking(part, given, positionals) for part in required) if wrong), None)
    return None


def judge_script(words):
    script = ROOT / words[0]
    if not script.is_file():
        return f"there is no {words[0]}"
    options = [word for word in words[1:] if word.startswith("-")]
    if not options:
        return None
    text = script.read_text(encoding="utf-8")  # Not every script has --help; all that have options name them.
    wrong = [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)]
    return f"{words[0]} knows no {wrong[0]}" if wrong else None


def readings(code):
    """What a synopsis stands for: `a|b` each, `[x]` given, `x | y` for the end of the line; what follows three spaces explains."""
    code = re.sub(r" {3,}.*", "", code)
    first, *others = code.replace("[", "").replace("]", "").split(" | ")
    verbs = re.match(r"[\w-]+(?: [a-z][a-z-]*)*", first)
    lines = [first] + [f"{verbs.group(0)} {other}" for other in others if verbs]
    for line in lines:
        choices = [[choice for choice in word.split("|") if choice != "…"] for word in line.split(" ")]
        for words in itertools.product(*choices):
            yield " ".join(words)


def judge(binary, code, fenced):
    """None when `code` is no command, or a good one."""
    if not code.startswith(tuple(PROGRAMS)):
        return judge_line(binary, code, fenced)
    return next((wrong for wrong in (judge_line(binary, line, fenced) for line in readings(code)) if wrong), None)


def judge_line(binary, code, fenced):
    """The same of one line without alternatives."""
    try:
        words = shlex.split(code, comments=True)
    except ValueError:
        return None
    if not words:
        return None
    if words[0] in PROGRAMS and "─" not in code:  # A drawing otherwise.
        return judge_program(binary, words, fenced)
    if re.match(r"(deploy|tests|\.ci)/[\w./-]+\.(sh|py)$", words[0]):
        return judge_script(words)
    return None


def check_judge(binary):
    """That this test can fail."""
    good = ["accord-broker init --config a.toml", "accordctl --as police referral submit mine.json", "accord-verify ledger copy", "tests/run.sh --long",
            "accordctl referral submit a.json --json", "accordctl referral show|holders ID   one", "accordctl ledger prove OLD [NEW]", "some prose",
            "accordctl question list --as inspector/j-ahmed", "accordctl --as $AGENCY today", "accordctl admin suspend inspector/ID --reason fault"]
    bad = ["accord-broker start", "accordctl referral send a.json", "accordctl --like police status", "accord-verify receipt r --key k", "tests/walk.sh",
           "tests/run.sh --longer", "accordctl ledger export --out", "accordctl ledger export", "accord-broker", "accordctl inbox", "accordctl inbox read",
           "accordctl referral show|hold ID", "accordctl ledger checkpoint [--into FILE]", "accordctl admin propose FILE | --treaty FILE",
           "accordctl question list --as inspector/j.ahmed", "accordctl today --as Police-North", "accordctl admin suspend inspector/j.ahmed --reason fault",
           "accordctl question list --as-inspector ines"]
    shown = [*examples_of("Told.  Example: accordctl today > file\n  accordctl case links \\\n    --as idva\nTo link: accordctl none\n")]
    if shown != ["accordctl today", "accordctl case links      --as idva"]:
        return [f"of itself: the examples of a help read as {shown}"]
    return ([f"of itself: {code}: {judge(binary, code, True)}" for code in good if judge(binary, code, True)] +
            [f"of itself: {code} must be found wrong" for code in bad if not judge(binary, code, True)])


def examples_of(text):
    """The command lines that a help shows, each alone on its line or after `Example:`; what the shell does with them is left off."""
    text = text.replace("\\\n", " ")
    programs = "|".join(sorted(PROGRAMS))
    for line in re.findall(rf"^(?:.*\bExample:)? *((?:{programs}) .*)$", text, re.M):
        yield re.split(r" (?:>|&&|\|) ", line)[0]


def check_examples(binary):
    """The examples of every verb's help are commands that the program takes. And how many there are."""
    findings, examples = [], 0
    for program in sorted(PROGRAMS):
        below = [()]
        while below:
            verb = below.pop()
            text = help_of(str(binary / program), *verb) or ""
            below += [(*verb, name) for name in verbs_of(text) if name not in PROGRAMS]
            for example in examples_of(text):
                examples += 1
                wrong = judge_line(binary, example, True)
                if wrong:
                    findings.append(f"{' '.join((program, *verb))} --help: {example}: {wrong}")
    return findings, examples


def help_with_verbs(binary, program):
    """What --help says of a program and, by its name, of each of its verbs."""
    text = help_of(str(binary / program)) or ""
    # What follows the verbs in the help are examples, which begin with the program.
    return text, {verb: help_of(str(binary / program), verb) or "" for verb in verbs_of(text) if verb != program}


def judge_page(program, page, text, verbs):
    """What the page of the manual lacks of what the help says."""
    lacks = [f"no section {section}" for section in ("NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS") if f".SH {section}\n" not in page]
    if not page.isascii():
        lacks.append("it is not ASCII")
    # As roff has them: hyphens that are none to break at.
    for one in [text, *verbs.values()]:
        lacks += [f"no option {name}" for name in options_of(one) if f"\\fB{name}\\fR".replace("-", r"\-") not in page]
    lacks += [f"no verb {verb}" for verb in verbs if f'.SS "{program} {verb}'.replace("-", r"\-") not in page]
    return [f"{program} --man: {lack}" for lack in lacks]


def check_pages(binary):
    """The pages of the programs that CLI11 reads have what their help has; accordctl's own tests have its page."""
    findings = []
    for program in sorted(PROGRAMS - {"accordctl"}):
        done = subprocess.run([str(binary / program), "--man"], capture_output=True, text=True, timeout=HELP_SECONDS, check=False)
        text, verbs = help_with_verbs(binary, program)
        found = judge_page(program, done.stdout, text, verbs)
        if done.returncode != 0 or not options_of(text):
            found.append(f"{program} --man: exit status {done.returncode}")
        elif not judge_page(program, done.stdout.replace("version", ""), text, verbs):
            found.append(f"of itself: a page of {program} without --version must be found wrong")
        findings += found
    return findings


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    binary = pathlib.Path(arguments[0])
    shown, examples = check_examples(binary)
    findings, commands = check_judge(binary) + check_pages(binary) + shown, 0
    for path, number, code, fenced in snippets():
        wrong = judge(binary, code, fenced)
        commands += code.split(" ")[0] in PROGRAMS
        if wrong:
            findings.append(f"{path}:{number}: {code}: {wrong}")
    for finding in findings:
        print(finding)
    print(f"{commands} commands of our programs and {examples} examples of their help, {len(findings)} findings")
    return 1 if findings or commands == 0 or examples == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
