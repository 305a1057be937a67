"""No wall clock, chance, sleep or raw thread outside common/base (style.md §6): code takes Clock&, Random& and an executor, so
that a test decides. A script may poll, for it has nothing else to wait with; a longer sleep says on its line why."""
import re

from tree import Case, code_only

FORBIDDEN = [
    (r"\b(system_clock|steady_clock|high_resolution_clock)\b", "a wall clock"),
    (r"\babsl::Now\s*\(", "a wall clock"),
    (r"\b(gettimeofday|clock_gettime|timespec_get)\b", "a wall clock"),
    (r"(?<![\w.>])(std::)?time\s*\(\s*(nullptr|NULL|0|&)", "a wall clock"),
    (r"\b(random_device|mt19937(_64)?|default_random_engine|minstd_rand0?)\b", "randomness"),
    (r"(?<![\w.>])(std::)?(rand\s*\(\s*\)|srand\s*\()", "randomness"),
    (r"\b(getrandom|getentropy|RAND_bytes|RAND_priv_bytes|absl::BitGen)\b", "randomness"),
    (r"/dev/u?random", "randomness"),
    (r"\b(sleep_for|sleep_until|nanosleep|usleep|SleepFor|SleepForMicroseconds)\b", "a sleep"),
    (r"(?<![\w.>])(::)?sleep\s*\(", "a sleep"),
    (r"\bstd::(thread|jthread|async)\b", "a raw thread"),
    (r"\bpthread_create\b", "a raw thread"),
    (r"#include\s*<(thread|random|chrono)>", "a header of clocks, chance or threads"),
]

# file → {what it may do: reason}. Whole files only; keep this short.
ALLOWED = {}

POLL_SECONDS_MAX = 0.5


def is_poll(seconds):
    return re.fullmatch(r"\d*\.?\d+", seconds) is not None and float(seconds) <= POLL_SECONDS_MAX


def check(tree):
    findings = []
    for path in tree.files(".cc", ".h"):
        if path.startswith("common/base/"):
            continue
        for number, line in tree.lines(path):
            code = code_only(line)
            for pattern, what in FORBIDDEN:
                if re.search(pattern, code) and what not in ALLOWED.get(path, {}):
                    findings.append(f"{path}:{number}: {what} outside common/base")
                    break
    for path in tree.files(".sh", ".py"):
        if path.startswith("tests/lint/"):
            continue
        for number, line in tree.lines(path):
            code, _, reason = line.partition("#")
            slept = re.search(r"(?:^|[;&|({]|\bdo|\bthen|time\.)\s*sleep[ (]+([\w.$]*)", code)
            if slept and not reason.strip() and not is_poll(slept.group(1)):
                findings.append(f"{path}:{number}: a sleep over {POLL_SECONDS_MAX} s without its reason on the line")
    for path in ALLOWED:
        if not tree.exists(path) and tree.exists("common/base"):
            findings.append(f"{path}: allowed in tests/lint/time_chance_threads.py, but not there any more")
    return findings


CASES = [
    Case("base may, comments and strings are no code",
         {"common/base/clock.cc": "auto t = std::chrono::system_clock::now();\n",
          "common/a.cc": "// not std::thread\nconst char* s = \"sleep_for\";  // absl::Now()\nint n = 1'000; f(time_ms(0)); Random& random() { return r; }\n"}),
    Case("system_clock", {"common/a.cc": "auto t = std::chrono::system_clock::now();\n"}, "common/a.cc:1: a wall clock"),
    Case("absl::Now in a test", {"common/a_test.cc": "absl::Time t = absl::Now();\n"}, "a wall clock"),
    Case("time(nullptr)", {"services/a.cc": "srand_seed(time(nullptr));\n"}, "a wall clock"),
    Case("random_device", {"common/a.cc": "std::random_device d;\n"}, "randomness"),
    Case("rand()", {"common/a.cc": "int x = rand();\n"}, "randomness"),
    Case("OpenSSL's chance", {"common/crypto/a.cc": "RAND_bytes(p, 32);\n"}, "randomness"),
    Case("sleep", {"tests/a/a_test.cc": "absl::SleepFor(absl::Seconds(1));\n"}, "a sleep"),
    Case("posix sleep", {"tests/a/a_test.cc": "  sleep(1);\n"}, "a sleep"),
    Case("thread", {"services/a.cc": "std::thread t([] {});\n"}, "a raw thread"),
    Case("its header", {"services/a.cc": "#include <thread>\n"}, "a header of clocks"),
    Case("sleep of a script", {"tests/a/a_test.sh": "while ! up; do sleep 1; done\n"}, "without its reason"),
    Case("sleep of a python client", {"deploy/a.py": "    time.sleep(2)\n"}, "without its reason"),
    Case("sleep as long as a variable says", {"deploy/a.sh": "sleep $SECONDS_MAX\n"}, "without its reason"),
    Case("a poll", {"deploy/a.sh": "until up; do sleep 0.1; done\n", "deploy/a.py": "time.sleep(0.2)\n"}),
    Case("sleep with its reason", {"deploy/a.sh": "while ! up; do sleep 1; done  # Nothing tells when the port is open.\n"}),
]
