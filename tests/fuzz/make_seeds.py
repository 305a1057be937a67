#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, corpus/*/seed-*, from the golden vectors and by hand. What fuzzing has found beside them
is kept under other names and stays. Needs nothing but Python."""
import base64
import hashlib
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "golden/vectors"


def vector(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def write(target, **seeds):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("seed-*"):
        old.unlink()
    for name, seed in seeds.items():
        data = seed if isinstance(seed, bytes) else seed.encode()
        assert len(data) <= 2048, (target, name, len(data))
        (folder / f"seed-{name.replace('_', '-')}").write_bytes(data)


def field(number, data):
    """A length-delimited field of a Protocol Buffers message."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    return varint(number << 3 | 2) + varint(len(data)) + data


def main():
    checkpoint, receipt, tree = vector("checkpoint"), vector("receipt"), vector("tree")
    note, cosigned, text = checkpoint["note"], checkpoint["cosigned_note"], checkpoint["text"]
    line = cosigned.rsplit("\u2014", 1)[1]
    example = ("This is an example message.\n\n\u2014 example.com/foo "
               "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n")
    unknown = "\u2014 stranger.example AAAAAQAB\n"
    write("note", third_party=example, log=note, cosigned=cosigned, unknown_line=note + unknown,
          two_blank_lines="a\n\nb\n\n" + unknown, no_signature=text + "\n", not_last_line=note.rstrip("\n"),
          line_twice=cosigned + "\u2014" + line, control=note.replace("4\n", "4\t\n", 1), empty_text="\n\n" + unknown,
          bad_name="a\n\n\u2014 a+b AAAAAQAB\n", bad_base64="a\n\n\u2014 a AAAAAQAC=\n",
          vkey=checkpoint["log_vkey"], witness_vkey=checkpoint["witness_vkey"],
          vkey_capitals="example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")

    origin, size, root = text.splitlines()
    write("checkpoint", text=text, note=note, cosigned=cosigned, extension=text + "extension line\n",
          empty_extension=text + "\n", size_0=f"{origin}\n0\n{root}\n", size_max=f"{origin}\n{2**64 - 1}\n{root}\n",
          size_over=f"{origin}\n{2**64}\n{root}\n", leading_zero=f"{origin}\n04\n{root}\n", signed_size=f"{origin}\n+4\n{root}\n",
          short_root=f"{origin}\n4\nAAAA\n", no_origin=f"\n4\n{root}\n", unsigned=text + "\n" + unknown,
          witness_alone=text + "\n\u2014" + line)

    proof = receipt["tlog_proof"]
    extra = next(row for row in proof.splitlines(True) if row.startswith("extra"))
    path = [base64.b64encode(bytes.fromhex(row)).decode() + "\n" for row in receipt["path"]]
    write("tlog_proof", receipt=proof, no_extra=proof.replace(extra, ""), log_alone=proof.replace("\u2014" + line, ""),
          other_index=proof.replace("index 1", "index 2"), index_max=proof.replace("index 1", f"index {2**64 - 1}"),
          leading_zero=proof.replace("index 1", "index 01"), swapped=proof.replace(path[0] + path[1], path[1] + path[0]),
          shorter=proof.replace(path[1], ""), longer=proof.replace(path[1], path[1] * 8), no_checkpoint=proof.split("\n\n")[0] + "\n\n",
          empty_extra=proof.replace(extra, "extra \n"), other_version=proof.replace("@v1", "@v2"))

    tiles = {f"golden_{i}": row["path"] for i, row in enumerate(tree["tile_paths"][:8])}
    entries = {f"golden_entries_{i}": row["entries_path"] for i, row in enumerate(tree["tile_paths"][:8])}
    write("tile_path", **tiles, **entries, max="tile/0/x018/x446/x744/x073/x709/x551/615.p/255", level_8="tile/8/000",
          over="tile/0/x018/x446/x744/x073/x709/x551/616", width_0="tile/0/005.p/0", width_256="tile/0/005.p/256",
          entries_over="tile/entries/000.p/256", entries_short="tile/entries/0", entries_zero_group="tile/entries/x000/001",
          zero_group="tile/0/x000/001", out="tile/0/../000", plus="tile/0/+05", two_widths="tile/0/005.p/1.p/2")

    def bundle(*rows):
        return b"".join(struct.pack(">H", len(row)) + row for row in rows)
    leaves = [bytes.fromhex(row) for row in tree["leaves"]]
    write("bundle", golden=b"\x08" + bundle(*leaves), none=b"\x00", empty_entries=b"\x03" + bundle(b"", b"", b""),
          one_more=b"\x03" + bundle(b"a", b"b"), one_less=b"\x01" + bundle(b"a", b"b"), cut=b"\x02" + bundle(b"a", b"bcd")[:-1],
          half_length=b"\x01" + b"\x00", over_the_end=b"\x01\xff\xff" + b"a" * 20, long=b"\x01" + bundle(b"l" * 1500))

    rows = {row["name"]: bytes.fromhex(row["leaf"]) for row in vector("leaf")["leaves"]}
    first = rows["opened"]
    write("leaf", **rows, cut=first[:-1], longer=first + b"\0", version_2=b"ACL2" + first[4:], no_origin=first[:4] + b"\0" + first[27:],
          unsorted=first[:-64] + first[-32:] + first[-64:-32], twice=first[:-32] + first[-64:-32], empty=b"")

    # Keys of the golden log and witness, and cosigners' keys made here from nothing but their bytes.
    def vkey(name, kind, key):
        body = bytes([kind]) + key
        key_id = hashlib.sha256(name.encode() + b"\n" + body).digest()[:4]
        return f"{name}+{key_id.hex()}+{base64.b64encode(body).decode()}"
    log, idva = checkpoint["log_vkey"], checkpoint["witness_vkey"]
    raw = [vkey("w.test", 4, bytes([i]) * 32) for i in range(1, 6)]
    one = f"log {log}\nwitness idva {idva}\n"
    five = one + "".join(f"witness w{i} {key}\n" for i, key in enumerate(raw[:4]))
    write("policy", none="quorum none\n", one=one + "quorum idva\n", three_of_five=five + "group all-five 3 idva w0 w1 w2 w3\nquorum all-five\n",
          nested=five + "group a any idva w0\ngroup b all w1 w2\ngroup c 2 a b w3\nquorum c\n",
          spaces=f"\t# comment \u00e9\n\n  log\t{log} https://log.test/ \n witness \u212a {idva} u#\nquorum  \u212a\t\n",
          not_ended=one + "quorum idva", two_quorums=one + "quorum idva\nquorum none\n", no_quorum=one, undefined=one + "quorum w\n",
          later=f"quorum idva\n{one}", twice=one + f"witness other {idva}\nquorum idva\n", member_twice=one + "group g any idva idva\nquorum g\n",
          two_groups=five + "group g any idva w0\ngroup h any w0 w1\nquorum g\n", itself=one + "group g any g\nquorum g\n",
          zero=one + "group g 0 idva\nquorum g\n", over=one + "group g 2 idva\nquorum g\n", leading_zero=one + "group g 01 idva\nquorum g\n",
          none_member=one + "group g any none\nquorum g\n", none_named=f"witness none {idva}\nquorum none\n", log_as_witness=f"witness w {log}\nquorum w\n",
          crlf=one + "quorum idva\r\n", control=one + "quorum\x00idva\n", word="keys 3\nquorum none\n", bare="log\nwitness\ngroup\nquorum\n", empty="")

    sealed = vector("sealed")["sections"][0]
    der = base64.b64decode(sealed["sealed_base64"])
    cms = {"golden": der, "cut": der[:-1], "longer": der + b"\0", "other_tag": der[:-1] + bytes([der[-1] ^ 1]), "head": der[:64],
           "indefinite": b"\x30\x80" + der[4:] + b"\0\0", "empty": b"", "other_content": der[:30].replace(b"\x17", b"\x03") + der[30:]}
    for i, recipient in enumerate(sealed["recipients"]):
        one = next((value for key, value in recipient.items() if key.endswith("base64")), None)
        if one is not None:
            cms[f"recipient_{i}"] = base64.b64decode(one)
    write("cms", **{name: data for name, data in cms.items() if len(data) <= 2048})

    header = vector("header")
    signed = bytes.fromhex(header["signed_payload"])
    openings = [field(1, row["label"].encode()) + field(2, bytes.fromhex(row["salt"])) + field(3, bytes.fromhex(row["content"]))
                for row in header["openings"]]

    def submission(parts, envelope=signed):
        return field(1, envelope) + b"".join(field(2, part) for part in parts)
    payload = bytes.fromhex(header["payload"])

    def envelope(changed):
        return (field(1, header["payload_type"].encode()) + field(2, changed) + field(3, bytes.fromhex(header["key_id"])))
    write("header", golden=submission(openings), openings_alone=b"".join(field(2, part) for part in openings),
          core_alone=submission(openings[:1]), no_core=submission(openings[1:]), twice=submission(openings[:1] * 2),
          tags_left_out=submission([part for part in openings if b"\x03tag" not in part[:6]]),
          label=submission([openings[0].replace(b"core", b"gore")]), header_alone=field(1, signed), empty=b"",
          cut=submission([], envelope(payload[:-1])), longer=submission([], envelope(payload + b"\0")),
          count=submission([], envelope(payload[:40] + b"\x00\x0f" + payload[42:])),
          unsorted=submission([], envelope(payload[:42] + payload[74:106] + payload[42:74] + payload[106:])),
          other_key=submission([], envelope(payload[:8] + bytes(32) + payload[40:])))

    write("spiffe_id", outbox="spiffe://accord.test/agency/met-police/outbox", admin="spiffe://accord.test/admin/alice",
          inspector="spiffe://a/inspector/i", broker="spiffe://accord.test/broker/broker", sealing="spiffe://accord.test/agency/met-police/sealing",
          port="spiffe://accord.test:443/admin/alice", user="spiffe://u@accord.test/admin/alice", query="spiffe://accord.test/admin/alice?x",
          escape="spiffe://accord.test/admin/al%69ce", capitals="SPIFFE://accord.test/admin/alice", slash="spiffe://accord.test/admin/alice/",
          dots="spiffe://accord.test/admin/../alice", kind="spiffe://accord.test/nobody/alice", no_domain="spiffe:///admin/alice",
          long="spiffe://" + "d" * 440 + "/agency/" + "a" * 63, hyphen="spiffe://accord.test/agency/-a")

    small = """version = "2026.11"
parties = ["police", "idva"]
effective_from = "2026-11-01"
expires = "2027-11-01"
[[route]]
id = "support"
from_kinds = ["police", "childrens_services"]
to_agencies = ["idva"]
purposes = ["support", "marac"]
categories = ["identity", "orders_and_bail"]
needs_consent = true
min_grade = "high"
forum = "marac-area"
"""
    write("agreement", small=small, two_routes=small + small[small.index("[[route]]"):].replace("support\"\nfrom", "other\"\nfrom"),
          same_route=small + small[small.index("[[route]]"):], unknown_key=small + "more = 1\n", unknown_word=small.replace("marac\"]", "lunch\"]"),
          capitals=small.replace('["police", "childrens', '["Police", "childrens'), no_date=small.replace("2027-11-01", "2027-13-01"),
          backwards=small.replace("2027-11-01", "2025-11-01"), toml_date=small.replace('"2027-11-01"', "2027-11-01"),
          not_toml="version = ", wrong_type=small.replace("true", '"true"'), not_array=small.replace('["idva"]', '"idva"'),
          inline_table=small.replace("[[route]]", "route = [{id = 1}]\n[other]"), unspecified=small.replace('"identity"', '"unspecified"'),
          gateway=small + 'gateways = ["ca2004_s11"]\nconfidential_address = true\n', not_utf8=small.encode() + b'x = "\xff"\n',
          schedule="version = \"e\"\neffective_from = \"2026-11-01\"\ncategories = [\"risk\"]\n[[recipient]]\nkind = \"health\"\n"
                   "specialisms = [\"emergency_department\"]\n",
          register="version = \"l\"\neffective_from = \"2026-11-01T09:30:00Z\"\n[[gateway]]\ngateway = \"court_order\"\n"
                   "jurisdictions = [\"england\"]\nfrom = \"2026-01-01\"\nuntil = \"2027-01-01\"\nby_itself = false\n"
                   "[[basis]]\narticle6 = \"public_task\"\nfrom = \"2026-02-05\"\n",
          clocks="version = \"c\"\neffective_from = \"2026-11-01\"\n[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-25\"]\n"
                 "[[pick_up]]\nlane = \"medium\"\nworking_days = 3\n[[pick_up]]\nlane = \"standard\"\nhours = 120\n[[response]]\nlane = \"high\"\n"
                 "types = [\"referral\"]\nminutes = 90\n[[response]]\nworking_days = 5\n[[before_school]]\npurposes = [\"safeguarding_child\"]\n"
                 "[[school_terms]]\nareas = [\"E06000047\"]\nfirst_day = \"2026-09-01\"\nlast_day = \"2026-12-18\"\n"
                 "closed = [\"2026-10-26/2026-10-30\"]\nbegins = \"08:50\"\n[escalation]\nmanagers_percent = 25\ndeputy_percent = 50\n"
                 "sender_percent = 100\n[escalation_immediate]\nmanagers_minutes = 5\ndeputy_minutes = 10\nsender_minutes = 15\n",
          cases="[[agency]]\nid = \"police\"\nkind = \"police\"\n[[case]]\nname = \"a\"\nfrom = \"police\"\nto = \"idva\"\npurpose = \"support\"\n"
                "category = \"risk\"\nconsent = \"refused\"\nexpect = \"permit\"\nrule = \"r\"\nretention_days = 7\n",
          instrument="code = \"i\"\nversion = \"1\"\ntitle = \"t\"\npublisher = \"p\"\ninstrument = \"other\"\nage_from = 13\nage_to = 17\n"
                     "from = \"2026-01-01\"\ngraded_by = \"score\"\nanswers = [\"YES\", \"NO\", \"DONT_KNOW\"]\n[score]\ncounts = \"YES\"\n"
                     "not_known = \"DONT_KNOW\"\nnot_known_many = 1\n[[band]]\nat_least = 0\ngrade = \"standard\"\n[[band]]\nat_least = 1\n"
                     "grade = \"high\"\n[[question]]\ncode = \"i.1\"\ntopic = \"a\"\nhigh_risk = true\n",
          instrument_of_nobody="code = \"j\"\nversion = \"1\"\ntitle = \"t\"\npublisher = \"p\"\ninstrument = \"s_dash\"\ngraded_by = \"nobody\"\n"
                               "[[question]]\ncode = \"j.1\"\ntopic = \"a\"\nanswers = [\"NEVER\", \"OFTEN\"]\nrequired = false\n",
          nested="a = " + "[" * 200 + "]" * 200 + "\n", empty="")


if __name__ == "__main__":
    main()
