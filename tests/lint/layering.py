"""Includes hold to the layers of style.md §2: a folder may include what its row lists, and an external library is included in
its one home. The two tables below are the only place where this is written down for the machine; each exception has its reason.

`main.cc` wires concrete classes and may include everything but another service. Tests may include, beside their row, the
concrete stores and the test PKI. tests/** may include everything: it is across components by purpose."""
import posixpath
import re

from tree import Case, is_test

BASE = ["common/base"]
TELEMETRY = ["common/telemetry", "common/config"]  # Open to every row except common/referral and what it stands on.
TYPE = ["accord/type/v1"]                          # Messages committed to as bytes are the domain's words (docs/adr/0002).
# What every broker module is written against: the store's layout, and the interface of a command to the sequencer.
BROKER_GROUND = ["services/broker/directory/families.h", "services/broker/sequencer/command.h", "services/broker/sequencer/reader.h",
                 "services/broker/sequencer/chains.h", "services/broker/sequencer/read_view.h", "accord/storage/v1"]
STORE_INTERFACE = ["common/storage/store.h", "common/storage/batch.h", "common/storage/record.h", "common/storage/commit_log.h"]
BROKER_MODULE = BASE + TELEMETRY + ["common/crypto", "common/ledger", "common/referral"] + STORE_INTERFACE + TYPE + BROKER_GROUND
WIRE = BASE + TELEMETRY + ["common/rpc", "common/crypto"] + TYPE
AGENCY_WIRE = ["accord/agency/v1", "accord/broker/v1", "accord/admin/v1", "accord/inspection/v1"]

# folder → folders and files it may include beside itself. The longest matching folder counts.
MAY_INCLUDE = {
    "common/base": [],
    "common/crypto": BASE,
    "common/storage": BASE,
    "common/telemetry": BASE,
    "common/config": BASE,
    # Tables and words for people: what a terminal shows, apart from who asks.
    "common/console": BASE + TYPE,
    # Files of records become requests of pushes: agency/v1 has what every push says. console: coded values by their words.
    "common/records": BASE + ["common/console", "common/crypto", "accord/agency/v1"] + TYPE,
    # The texts of agreements, schedules and registers, and cases run against them.
    "common/policy": BASE + ["common/config", "common/referral"] + TYPE,
    # crypto: the peer's certificate becomes an identity here, and TLS is made of it.
    "common/rpc": BASE + TELEMETRY + ["common/crypto"],
    "common/ledger": BASE + ["common/crypto"],
    "common/referral": BASE + ["common/crypto", "accord/options/v1"] + TYPE,
    # ledger: agencies verify receipts and hold the broker to its log. The messages of agency and broker: BrokerLink speaks them,
    # so that the outbox resends byte for byte what it stored (docs/adr/0002); gRPC itself stays in common/agent_rpc. instrument_text.h: the
    # documents of instruments that a mapping has where its agency's configuration names none.
    "common/agent": BASE + TELEMETRY + ["common/crypto", "common/ledger", "common/referral", "common/policy/instrument_text.h", "common/records", "accord/options/v1"] + STORE_INTERFACE + TYPE + AGENCY_WIRE
                    + ["accord/storage/v1"],
    # One way in which an agency's service calls somebody, apart from the others for its library.
    "common/webhook": BASE + ["common/agent/alert_hook.h"],
    # The runtime's wiring, shared by six programs: what is in main.cc elsewhere. Hence the concrete store.
    "common/agent_rpc": WIRE + ["common/agent", "common/console/manual.h", "common/console/passphrase.h", "common/webhook", "common/policy", "common/referral", "common/storage"] + AGENCY_WIRE,

    "services/broker/ledger": BASE + TELEMETRY + ["common/crypto", "common/ledger"] + STORE_INTERFACE,
    # rocks_store.h: FamilySpec, with which the store is opened. admin/v1 and options/v1: the directory stores changes as proposed
    # and reads from the descriptors who may call. common/policy: a policy text is judged as a change.
    "services/broker/directory": BROKER_MODULE + ["common/policy", "services/broker/ledger/ledger_families.h", "common/storage/rocks_store.h",
                                                  "accord/admin/v1", "accord/options/v1"],
    "services/broker/sequencer": BROKER_MODULE + ["services/broker/ledger"],
    # Mends a store that no broker has open: the concrete store and its files, what the ledger keeps and how the guard judges it.
    "services/broker/recovery": BROKER_MODULE + ["services/broker/ledger", "common/storage/rocks_store.h", "common/storage/closed_store.h"],
    # Reads the ledger through the sequencer's views, and has its alarms recorded by it.
    "services/broker/scrub": BROKER_MODULE + ["services/broker/ledger", "services/broker/sequencer"],
    # admin/v1: a forum is stored as it was approved.
    "services/broker/policy": BROKER_MODULE + ["common/policy", "services/broker/directory", "accord/admin/v1"],
    # Links are told of by notices, to who holds what; answers are judged by the directory.
    # Who may know of a case is decided: the policy, and forums as they are stored.
    "services/broker/cases": BROKER_MODULE + ["services/broker/directory", "services/broker/delivery/referral_store.h", "services/broker/policy", "accord/admin/v1"],
    # admin/v1: a hold is stored as it was approved. The store of delivery, on which holds stand as delivery stands on holds;
    # the commands about holds, and the walk, use the directory and the sequencer.
    "services/broker/holds": BROKER_MODULE + ["services/broker/directory", "services/broker/delivery/attempts.h", "services/broker/delivery/referral_store.h",
                                              "services/broker/delivery/mailboxes.h", "services/broker/sequencer/sequencer.h",
                                              "accord/admin/v1"],
    # holds: whoever is first released something that a hold covers is told of it. sharing: a holder's clock, and the gap of what leaves. clocks: what is
    # given up is opened and answered by nobody.
    "services/broker/delivery": BROKER_MODULE + ["services/broker/directory", "services/broker/policy", "services/broker/holds",
                                                 "services/broker/sharing/due.h", "services/broker/sharing/gap.h", "services/broker/sharing/reseal_wanted.h",
                                                 "services/broker/clocks/clocks.h", "services/broker/cases/proposals.h"],
    # Stands on the store of delivery, which it leaves notices in and judges by whom it may tell; its clock is the sequencer's.
    "services/broker/sharing": BROKER_MODULE + ["services/broker/directory", "services/broker/policy",
                                                "services/broker/delivery/referral_store.h", "services/broker/delivery/mailboxes.h",
                                                "services/broker/delivery/telling.h", "services/broker/delivery/erased.h",
                                                "services/broker/sequencer"],
    # Started, stopped and chased as a delivery is: its store, what may be told of it, and the machine of what falls due. admin/v1: duty
    # hours are an agency's. common/policy: the words of steps.
    "services/broker/clocks": BROKER_MODULE + ["common/policy", "services/broker/directory", "services/broker/policy", "services/broker/delivery",
                                               "services/broker/sharing", "services/broker/sequencer", "accord/admin/v1"],
    # Destroys where it lies: the concrete store for the purge, the key slots, and the sequencer that its steps are commands of.
    "services/broker/erasure": BROKER_MODULE + ["services/broker/directory", "services/broker/disclosures/disclosure_store.h", "services/broker/cases", "services/broker/delivery",
                                                "services/broker/holds", "services/broker/ledger", "services/broker/sequencer",
                                                "services/broker/sharing", "services/broker/trails/keys.h", "services/broker/trails/receipts.h", "common/storage/rocks_store.h", "accord/admin/v1", "accord/options/v1"],
    "services/broker/admission": BROKER_MODULE + ["services/broker/directory", "services/broker/policy", "services/broker/cases",
                                                  "services/broker/delivery", "services/broker/holds", "services/broker/sharing",
                                                  "services/broker/clocks"],
    # inspection/v1: a warrant is stored as it was proposed, and what is asked is judged by it.
    "services/broker/warrants": BROKER_MODULE + ["services/broker/directory", "accord/inspection/v1"],
    # sequencer: the index is written by commands. cases/links.h: cases by a token. A filter is the wire's, as questions are.
    "services/broker/trails": BROKER_MODULE + ["services/broker/directory", "services/broker/ledger", "services/broker/delivery", "services/broker/warrants",
                                               "services/broker/sequencer", "services/broker/cases/links.h", "accord/inspection/v1"],
    # What inspectors ask of agencies: judged as trails are, on the clock of what falls due; parts that were uploaded are taken as a referral's are.
    # erase.h and case_linker.h: its tests erase a referral.
    "services/broker/disclosures": BROKER_MODULE + ["services/broker/directory", "services/broker/delivery", "services/broker/sharing/due.h", "services/broker/admission",
                                                    "services/broker/warrants", "services/broker/trails", "services/broker/erasure/erase.h", "services/broker/cases/case_linker.h",
                                                    "accord/inspection/v1"],
    # Named questions: computed from what trails give, within a warrant's scope; their messages are what they answer.
    "services/broker/questions": BROKER_MODULE + ["services/broker/directory", "services/broker/ledger", "services/broker/delivery/referral_store.h", "services/broker/cases/links.h",
                                                  "services/broker/trails", "services/broker/warrants", "accord/inspection/v1", "accord/admin/v1", "accord/options/v1"],
    # Audits of sharing: computed from the same facts; their messages are what they answer.
    "services/broker/audits": BROKER_MODULE + ["services/broker/directory", "services/broker/policy", "services/broker/questions", "services/broker/trails", "accord/inspection/v1",
                                               "accord/admin/v1", "accord/options/v1"],
    # What goes into a bundle beside the record: policy texts, and the directory as administrators approved it.
    "services/broker/bundles": BROKER_MODULE + ["services/broker/directory", "services/broker/policy", "services/broker/trails", "services/broker/warrants", "accord/admin/v1"],
    # Published checkpoints are the trails': what is cosigned, and how reading asks for the quorum.
    "services/broker/administration": BROKER_MODULE + ["services/broker/directory", "services/broker/disclosures/disclosure_store.h", "services/broker/policy",
                                                       "services/broker/delivery/referral_store.h", "accord/admin/v1"],
    "services/broker/witness": BROKER_MODULE + ["services/broker/directory", "services/broker/trails/published.h"],
    # The one edge between identity on the wire and the directory.
    "services/broker/adapter": WIRE + ["services/broker"],
    "services/broker/api": WIRE + ["services/broker", "common/ledger", "common/referral", "common/storage/store.h", "accord/broker/v1",
                                   "accord/admin/v1", "accord/inspection/v1", "accord/storage/v1"],
    # broker.cc and broker_init.cc wire the modules without the wire, for main.cc and for tests.
    "services/broker": WIRE + ["services/broker", "common/console/manual.h", "common/ledger", "common/storage", "common/referral", "common/policy",
                               "accord/storage/v1", "accord/admin/v1"],

    "services/accordctl": WIRE + ["common/console", "common/ledger", "common/policy", "common/records", "common/referral", "accord/agency/v1", "accord/broker/v1", "accord/admin/v1", "accord/options/v1",
                                  "accord/inspection/v1", "accord/police/v1", "accord/childrens/v1", "accord/housing/v1",
                                  "accord/health/v1", "accord/idva/v1", "accord/refer/v1", "accord/forum/v1"],
    # Offline: no gRPC.
    "services/verify": BASE + TELEMETRY + ["common/console", "common/crypto", "common/ledger", "common/referral"] + TYPE + ["accord/inspection/v1"],
    # Measures what others do, the bare libraries beside them: the concrete store and client.
    "services/bench": WIRE + ["common/console/manual.h", "common/ledger", "common/referral", "common/storage", "common/agent", "accord/broker/v1",
                              "accord/admin/v1"],
}
AGENCIES = ["police", "childrens", "housing", "health", "idva", "agency"]
for agency in AGENCIES:
    own = [f"accord/{agency}/v1", "accord/agency/v1"]
    if agency == "agency":  # Any kind, in general words, and forums, which keep their actions.
        own += ["accord/refer/v1", "accord/forum/v1", "accord/storage/v1", "common/storage/batch.h"]
    # A mapping from the agency's words to a draft: pure.
    MAY_INCLUDE[f"services/{agency}"] = BASE + ["common/agent", "common/referral"] + TYPE + own
    MAY_INCLUDE[f"services/{agency}/api"] = WIRE + ["common/agent", "common/agent_rpc", "common/referral", f"services/{agency}"] + own

# Tests and fakes may include these beside their row.
TESTS_TOO = ["common/crypto", "common/storage", "common/ledger", "services/broker/sequencer/memory_context.h"]

# The one file that may include another service, and what of it: `ledger recover` is the broker's own recovery, run offline by
# whoever holds the files. It speaks to no broker, and a second implementation of the store's layout would be worse.
OFFLINE = {"services/accordctl/recover_verb.cc": "services/broker/recovery/ledger_recovery.h"}

# Makes certificates of its own for a server that lives as long as the measurement.
TEST_PKI_TOO = "services/bench/"

# prefix of an external header → folders and files that may include it.
HOMES = {
    "openssl/": ["common/crypto",
                 "common/rpc/tls.cc"],           # TLS 1.3 alone and no tickets: set on the SSL_CTX that gRPC 1.51 gives no access to.
    "rocksdb/": ["common/storage",
                 "services/bench",               # The ceiling: one fsynced put of the same bytes, without us.
                 "services/broker/sequencer/sequencer_test.cc"],  # Its faults and power cuts are rocksdb::Env's.
    "grpc/": ["common/rpc"],
    "grpcpp/": ["common/rpc", "common/agent_rpc",
                "services/broker/broker_services.h",  # Hands the services of api to the server, for main.cc and for tests.
                "services/broker/api", "services/broker/adapter", "services/accordctl", "services/bench",
                *(f"services/{agency}/api" for agency in AGENCIES)],
    "curl/": ["common/webhook"],
    "csv.h": ["common/records/csv_text.cc"],
    "spdlog/": ["common/telemetry"],
    "prometheus/": ["common/telemetry"],
    "toml++/": ["common/config"],
    "nlohmann/": ["services/accordctl", "services/verify", "services/bench",  # `--json`; tests beside.
                  "common/records",        # JSON with lines, and what came of a file.
                  "common/ledger/trail_bundle.cc", "common/ledger/export_bundle.cc", "common/ledger/manifest_json.h", "services/broker/bundles/attachments.cc"],  # A bundle's manifest is JSON: one home for who writes and who reads it.
    "CLI/": ["common/agent_rpc/program.cc",      # The command line of six programs.
             "common/console/manual.cc", "common/console/manual_test.cc",  # The pages of the manual of all that hand it their command line.
             "services/accordctl/command_line.cc",  # One source of it pays for the header, not each of its thirty verbs.
             "services/verify", "services/bench"],  # Each main.cc beside, but accordctl's.
    "unicode/": ["common/base/text.cc",          # UTF-8 is checked where text comes in.
                 "common/ledger/note.cc",        # signed-note forbids control characters and blanks in names.
                 "common/referral"],             # Names are normalised for subject tokens.
}


def within(path, entries):
    return any(path == entry or path.startswith(entry.rstrip("/") + "/") for entry in entries)


def row_of(folder):
    while folder and folder not in MAY_INCLUDE:
        folder = posixpath.dirname(folder)
    return folder


def check(tree):
    findings = []
    for path in tree.files(".cc", ".h"):
        folder = posixpath.dirname(path)
        wires = path.startswith("services/") and posixpath.basename(path) == "main.cc"
        wired = ("grpcpp/",) if folder == "services/accordctl" else ("CLI/", "grpcpp/")
        row = row_of(folder)
        if not row and not path.startswith("tests/"):
            findings.append(f"{path}: folder {folder} has no row in tests/lint/layering.py")
            continue
        allowed = MAY_INCLUDE.get(row, []) + [row] + (TESTS_TOO if is_test(path) else [])
        for number, line in tree.lines(path):
            included = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
            if not included:
                continue
            quote, header = included.groups()
            home = next((entries for prefix, entries in HOMES.items() if header.startswith(prefix)), None)
            if home is not None:
                if not (path.startswith("tests/") or within(path, home) or (wires and header.startswith(wired))
                        or (is_test(path) and header.startswith("nlohmann/"))):
                    findings.append(f"{path}:{number}: <{header}> belongs in {', '.join(home)}")
            elif quote == '"':
                findings += own_header(path, number, header, allowed, wires)
    return findings


def own_header(path, number, header, allowed, wires):
    if not header.startswith(("common/", "services/", "tests/", "accord/")):
        return [f"{path}:{number}: \"{header}\" is not included from the root"]
    if header.startswith("tests/") and not path.startswith("tests/"):
        return [f"{path}:{number}: product code includes a test's {header}"]
    if path.startswith("tests/"):
        return []
    if re.match(r".*(^|/)(fake_|testing_)", header) and not is_test(path) and not path.startswith(TEST_PKI_TOO):
        return [f"{path}:{number}: product code includes a test's {header}"]
    if OFFLINE.get(path) == header:
        return []
    # A service never includes another service, whatever the tables say.
    if header.startswith("services/") and not (path.startswith("services/") and header.split("/")[1] == path.split("/")[1]):
        return [f"{path}:{number}: {header} is of another service"]
    if wires or within(posixpath.dirname(header), allowed) or header in allowed:
        return []
    return [f"{path}:{number}: {posixpath.dirname(path)} may not include {header}"]


CASES = [
    Case("as the rows say", {"common/crypto/a.cc": '#include <openssl/evp.h>\n#include "common/base/bytes.h"\n',
                             "services/broker/main.cc": '#include <CLI/CLI.hpp>\n#include "common/storage/rocks_store.h"\n',
                             "services/broker/cases/a.cc": '#include "services/broker/directory/families.h"\n',
                             "common/agent/a_test.cc": '#include "common/storage/rocks_store.h"\n',
                             "tests/system/a.cc": '#include <rocksdb/db.h>\n#include "services/broker/broker.h"\n'}),
    Case("upwards", {"common/base/a.cc": '#include "common/crypto/digest.h"\n'}, "common/base may not include"),
    Case("referral logs nothing", {"common/referral/a.cc": '#include "common/telemetry/log.h"\n'}, "may not include"),
    Case("the store behind its interface", {"common/agent/a.cc": '#include "common/storage/rocks_store.h"\n'}, "may not include"),
    Case("a file of a folder, not the folder", {"services/broker/sequencer/a.cc": '#include "services/broker/directory/access.h"\n'},
         "may not include"),
    Case("wire messages stop at api", {"services/broker/policy/a.h": '#include "accord/broker/v1/referral_service.pb.h"\n'},
         "may not include"),
    Case("another service", {"services/police/main.cc": '#include "services/idva/mapping.h"\n'}, "another service"),
    Case("the offline verb", {"services/accordctl/recover_verb.cc": '#include "services/broker/recovery/ledger_recovery.h"\n'}),
    Case("another verb offline", {"services/accordctl/a.cc": '#include "services/broker/recovery/ledger_recovery.h"\n'}, "another service"),
    Case("common uses no service", {"common/agent/a_test.cc": '#include "services/broker/broker.h"\n'}, "another service"),
    Case("OpenSSL away from home", {"common/ledger/a.cc": "#include <openssl/sha.h>\n"}, "belongs in common/crypto"),
    Case("RocksDB away from home", {"services/broker/main.cc": "#include <rocksdb/db.h>\n"}, "belongs in common/storage"),
    Case("gRPC in a module", {"services/broker/policy/a.cc": "#include <grpcpp/grpcpp.h>\n"}, "belongs in"),
    Case("spdlog away from home", {"services/broker/main.cc": "#include <spdlog/spdlog.h>\n"}, "belongs in common/telemetry"),
    Case("TOML away from home", {"services/broker/policy/a.cc": "#include <toml++/toml.h>\n"}, "belongs in common/config"),
    Case("one source reads CLI11", {"services/accordctl/command_line.cc": "#include <CLI/CLI.hpp>\n"}),
    Case("a verb that reads CLI11", {"services/accordctl/today_verbs.cc": "#include <CLI/CLI.hpp>\n"}, "belongs in"),
    Case("accordctl's main.cc", {"services/accordctl/main.cc": "#include <CLI/CLI.hpp>\n"}, "belongs in"),
    Case("a folder without a row", {"common/util/a.cc": "\n"}, "no row"),
    Case("a fake in the product", {"common/agent/a.cc": '#include "common/agent/fake_broker.h"\n'}, "a test's"),
    Case("relative", {"common/agent/a.cc": '#include "outbox.h"\n'}, "not included from the root"),
]
