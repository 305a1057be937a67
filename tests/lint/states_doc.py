"""The two tables of docs/states.md are those of common/referral/states.h: where a referral may go from where, and who may say which
statement. `run.py states_doc --write` makes them anew; the words around them are written by hand."""
import re

from tree import Case

TABLE, DOCUMENT = "common/referral/states.h", "docs/states.md"
BEGIN, END = "<!-- Made from common/referral/states.h: tests/lint/run.py states_doc --write -->", "<!-- End of what is made. -->"
PARTIES = {"kBroker": "the broker", "kSender": "the sender", "kRecipient": "the recipient"}
FORUMS = "the recipient, if it coordinates the forum"


def event_words(constant):
    """kTransferOut → transfer out."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", constant.removeprefix("k")).lower()


def arrows(text):
    return re.findall(r"Arrow\{type::v1::REFERRAL_STATE_(\w+), Event::(\w+), type::v1::REFERRAL_STATE_(\w+)\}", text)


def statements(text):
    return re.findall(r"StatementRow\{type::v1::STATEMENT_KIND_(\w+), Party::(\w+), (?:Event::(\w+)|std::nullopt)\}", text)


def forum_steps(text):
    body = re.search(r"constexpr bool IsForumStep\(.*?\n\}", text, re.S)
    return set(re.findall(r"STATEMENT_KIND_(\w+)", body.group(0))) if body else set()


def tables(text):
    lines = [BEGIN, "| where it stands | what may happen next |", "|---|---|"]
    found = arrows(text)
    for state in dict.fromkeys([start for start, *_ in found] + [end for *_, end in found]):
        next_ones = [f"{event_words(event)} → `{end}`" for start, event, end in found if start == state]
        lines.append(f"| `{state}` | {'; '.join(next_ones) or 'nothing: it has come to an end'} |")
    lines += ["", "| statement | who may say it | what it is |", "|---|---|---|"]
    forums = forum_steps(text)
    for kind, party, event in statements(text):
        lines.append(f"| `{kind}` | {FORUMS if kind in forums else PARTIES[party]} | {event_words(event) if event else 'moves no state'} |")
    return "\n".join(lines + [END])


def parts(document):
    """What stands before, between and after the marks; None when they are not there."""
    found = re.fullmatch(rf"(.*?)({re.escape(BEGIN)}.*?{re.escape(END)})(.*)", document, re.S)
    return found.groups() if found else None


def write(tree):
    before, _, after = parts(tree.read(DOCUMENT))
    (tree.root / DOCUMENT).write_text(before + tables(tree.read(TABLE)) + after, encoding="utf-8")


def check(tree):
    if not tree.exists(TABLE):
        return []
    text = tree.read(TABLE)
    written = sum(len(re.findall(rf"\b{row}\{{", text)) for row in ("Arrow", "StatementRow"))
    if len(arrows(text)) + len(statements(text)) != written:
        return [f"{TABLE}: rows that cannot be read"]
    found = parts(tree.read(DOCUMENT)) if tree.exists(DOCUMENT) else None
    if found is None:
        return [f"{DOCUMENT}: has no tables between the marks of tests/lint/states_doc.py"]
    here, there = found[1].splitlines(), tables(text).splitlines()
    if here == there:
        return []
    at = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
    line = there[at] if at < len(there) else "(nothing)"
    return [f"{DOCUMENT}: not what {TABLE} says; there it is: {line}; tests/lint/run.py states_doc --write makes it anew"]


ROWS = ("    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kTransferIn, type::v1::REFERRAL_STATE_TRANSFERRED_IN},  // Why.\n"
        "    StatementRow{type::v1::STATEMENT_KIND_HEARD, Party::kRecipient, Event::kHear},\n"
        "    StatementRow{type::v1::STATEMENT_KIND_RECALL, Party::kSender, std::nullopt},\n"
        "constexpr bool IsForumStep(StatementKind kind) {\n  return kind == type::v1::STATEMENT_KIND_HEARD;\n}\n")
PAGE = f"""# States
{BEGIN}
| where it stands | what may happen next |
|---|---|
| `OPENED` | transfer in → `TRANSFERRED_IN` |
| `TRANSFERRED_IN` | nothing: it has come to an end |

| statement | who may say it | what it is |
|---|---|---|
| `HEARD` | {FORUMS} | hear |
| `RECALL` | the sender | moves no state |
{END}
More.
"""
CASES = [
    Case("as the table", {TABLE: ROWS, DOCUMENT: PAGE}),
    Case("no document", {TABLE: ROWS}, "has no tables"),
    Case("marks that are gone", {TABLE: ROWS, DOCUMENT: PAGE.replace(END, "")}, "has no tables"),
    Case("an arrow elsewhere", {TABLE: ROWS, DOCUMENT: PAGE.replace("→ `TRANSFERRED_IN`", "→ `ACCEPTED`")}, "there it is: | `OPENED`"),
    Case("a row too few", {TABLE: ROWS, DOCUMENT: PAGE.replace("| `RECALL` | the sender | moves no state |\n", "")}, "| `RECALL`"),
    Case("said by another", {TABLE: ROWS, DOCUMENT: PAGE.replace(FORUMS, "the recipient")}, "there it is: | `HEARD`"),
    Case("a row that cannot be read", {TABLE: ROWS + "Arrow{from, event, to}", DOCUMENT: PAGE}, "cannot be read"),
]
