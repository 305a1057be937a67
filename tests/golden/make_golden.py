#!/usr/bin/python3
"""Makes and checks the golden vectors of docs/formats.md, sharing no code with the product.

    make_golden.py           writes vectors/ and keys/
    make_golden.py --check   makes them again in memory and compares; also opens, verifies and
                             recomputes by other routes what is in them

Salts, nonces and private keys come from a seeded hash, so nearly every byte is reproducible.
ECDSA signatures, certificates and sealed sections are not: they are made once, kept when they
still verify over today's input, and --check never makes one.

One file, so that with formats.md beside it nothing else need be read. Needs python3-cryptography,
python3-protobuf, protobuf-compiler and the openssl program.
"""
import base64
import datetime
import hashlib
import hmac
import importlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHECK = "--check" in sys.argv[1:]
TIME_MS = 1_764_000_000_000  # 2025-11-24T16:00:00Z: the instant of every vector.
KEY_NOTE = "TEST KEY of Accord's golden vectors, public to everyone. Never use it for anything else.\n"
SENDER, IDVA, CHILDRENS = "northshire-police", "northshire-idva", "northshire-childrens"
INSPECTOR = "ines"
ORIGIN = "accord.test/northshire"


# ---- 1. Notation -------------------------------------------------------------------------

def H(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def u(bits, value):
    return value.to_bytes(bits // 8, "big")


def lp(bits, data):
    return u(bits, len(data)) + data


def seeded(name, size=32):
    """Bytes that stand for random ones."""
    out = b""
    while len(out) < size:
        out += H(b"accord golden\0", name.encode(), b"\0", u(32, len(out)))
    return out[:size]


def b64(data):
    return base64.b64encode(data).decode()


def commit(domain, opening):
    label, salt, content = opening
    return H(domain, b"\0", salt, lp(16, label.encode()), content)


def opening_json(opening):
    return {"label": opening[0], "salt": opening[1].hex(), "content": opening[2].hex()}


def opening_proto(opening):
    return referral_pb2.Opening(label=opening[0], salt=opening[1], content=opening[2])


def expect(condition, what):
    if not condition:
        raise SystemExit(f"golden: {what}")


def run(*command, data=None):
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


# ---- What is made once -------------------------------------------------------------------

def committed(name):
    path = HERE / "vectors" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def once(value, valid, make, what):
    """`value` as committed if it is still `valid`; otherwise a new one, which --check refuses."""
    if value and valid(value):
        return value
    expect(not CHECK, f"{what}: absent, or does not verify")
    made = make()
    expect(valid(made), f"{what}: what was just made does not verify")
    return made


# ---- The protos, compiled on the fly -----------------------------------------------------

def load_protos(out):
    protos = sorted(path.relative_to(ROOT / "proto").as_posix()
                    for folder in ("options", "type") for path in (ROOT / "proto/accord" / folder).rglob("*.proto"))
    run("protoc", "-I", ROOT / "proto", f"--python_out={out}", *protos)
    sys.path.insert(0, out)
    for module in ("vocabulary", "referral", "entry", "section_content", "disclosure"):
        globals()[f"{module}_pb2"] = importlib.import_module(f"accord.type.v1.{module}_pb2")


def wire(message):
    return message.SerializeToString(deterministic=True)


# ---- Keys and certificates ---------------------------------------------------------------

def p256(name):
    return ec.derive_private_key(int.from_bytes(seeded("key " + name), "big") >> 1, ec.SECP256R1())


def ed(name):
    return ed25519.Ed25519PrivateKey.from_private_bytes(seeded("key " + name))


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_pem(key):
    return KEY_NOTE + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                        serialization.NoEncryption()).decode()


def key_usage(**bits):
    names = ("digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign "
             "crl_sign encipher_only decipher_only").split()
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names})


def issue(name, uri, usage, tls):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"golden {name}")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "golden authority")])
    key, authority = p256(name), p256("authority")
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
               .serial_number(int.from_bytes(seeded("serial " + name, 16), "big") >> 1)
               .not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2049, 1, 1))
               .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
               .add_extension(usage, critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False))
    if uri:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    if tls:
        eku = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(eku, critical=False)
    return builder.sign(authority, hashes.SHA256())


def same_certificate_but_signature(pem, name, uri, usage, tls):
    """True when `pem` says what issue() would say and the authority signed it."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        p256("authority").public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                                              ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return certificate.tbs_certificate_bytes == issue(name, uri, usage, tls).tbs_certificate_bytes


CERTIFICATES = {  # name: URI path, key usage, whether for TLS
    "authority": (None, key_usage(key_cert_sign=True), False),
    f"{SENDER}-sealing": (f"agency/{SENDER}/sealing", key_usage(key_agreement=True), False),
    f"{IDVA}-sealing": (f"agency/{IDVA}/sealing", key_usage(key_agreement=True), False),
    f"{CHILDRENS}-sealing": (f"agency/{CHILDRENS}/sealing", key_usage(key_agreement=True), False),
    f"{IDVA}-sealing-2": (f"agency/{IDVA}/sealing", key_usage(key_agreement=True), False),
    f"{INSPECTOR}-sealing": (f"inspector/{INSPECTOR}/sealing", key_usage(key_agreement=True), False),
    f"{SENDER}-signing": (f"agency/{SENDER}/signing", key_usage(digital_signature=True), False),
    f"{IDVA}-signing": (f"agency/{IDVA}/signing", key_usage(digital_signature=True), False),
    f"{SENDER}-tls": (f"agency/{SENDER}/outbox", key_usage(digital_signature=True), True),
}


def make_certificates():
    pems = {}
    for name, (path, usage, tls) in CERTIFICATES.items():
        uri = path and f"spiffe://accord.test/{path}"
        file = HERE / "keys" / f"{name}.cert.pem"
        pems[name] = once(file.read_text() if file.exists() else None,
                          lambda pem: same_certificate_but_signature(pem, name, uri, usage, tls),
                          lambda: issue(name, uri, usage, tls).public_bytes(serialization.Encoding.PEM).decode(),
                          f"certificate {name}")
    return pems


def certificate_der(name):
    return x509.load_pem_x509_certificate(PEMS[name].encode()).public_bytes(serialization.Encoding.DER)


def subject_key_id(name):
    certificate = x509.load_pem_x509_certificate(PEMS[name].encode())
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


# ---- 2. Signatures -----------------------------------------------------------------------

def pae(payload_type, payload):
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type, len(payload), payload)


def verifies(key, message, signature):
    try:
        key.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def signed(signer, payload_type, payload, earlier):
    """The fields of a signed document; `earlier` are those committed, whose signature is kept."""
    key, message = p256(signer), pae(payload_type, payload)
    signature = bytes.fromhex(once(earlier.get("signature"), lambda s: verifies(key, message, bytes.fromhex(s)),
                                   lambda: key.sign(message, ec.ECDSA(hashes.SHA256())).hex(), "signature"))
    return {
        "signer": signer, "key_id": H(spki(key)).hex(), "payload_type": payload_type.decode(), "payload": payload.hex(),
        "pae": message.hex(), "digest": H(message).hex(), "signature": signature.hex(),
        "signed_payload": wire(referral_pb2.SignedPayload(payload_type=payload_type.decode(), payload=payload,
                                                          key_id=H(spki(key)), signature=signature)).hex(),
    }


# ---- 4. Sections -------------------------------------------------------------------------

def succession(previous, following, earlier):
    """A sealing key's word for the one that follows it."""
    message = b"accord/sealing-succession/v1\0" + H(certificate_der(previous)) + H(certificate_der(following))
    endorsement = once(earlier.get("endorsement"), lambda s: verifies(p256(previous), message, bytes.fromhex(s)),
                       lambda: p256(previous).sign(message, ec.ECDSA(hashes.SHA256())).hex(), "endorsement")
    return {"previous": previous, "next": following, "message": message.hex(), "endorsement": endorsement}


def padded_size(size):
    for bound in (1 << 10, 4 << 10, 16 << 10, 64 << 10):
        if size <= bound:
            return bound
    size = -(-size // (64 << 10)) * (64 << 10)
    return size if size <= 8 << 20 else 0


def plaintext(binding, content):
    head = binding + lp(32, content)
    return head + bytes(padded_size(len(head)) - len(head))


def section_binding(sender, request_id, section_id, category, tag_digest):
    fields = (b"accord/section/v1", sender, request_id, section_id, b"%d" % category, tag_digest)
    return H(*(lp(16, field) for field in fields))


def tlv(data):
    """The first element of `data`: tag, content, all of it, and what follows."""
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    expect(len(data) >= at + length, "DER runs past its end")
    return data[0], data[at:at + length], data[:at + length], data[at + length:]


def elements(data):
    found = []
    while data:
        tag, content, whole, data = tlv(data)
        found.append((tag, content, whole))
    return found


def der(tag, *parts):
    data = b"".join(parts)
    size = len(data)
    if size < 0x80:
        return bytes([tag, size]) + data
    octets = u((size.bit_length() + 7) // 8 * 8, size)
    return bytes([tag, 0x80 | len(octets)]) + octets + data


AUTH_ENVELOPED = bytes.fromhex("060b2a864886f70d0109100117")
AES256_GCM = bytes.fromhex("060960864801650304012e")
KEY_AGREEMENT = bytes.fromhex("301506062b8104010b01300b060960864801650304012d")  # sha256kdf, aes256-wrap
AES256_WRAP = bytes.fromhex("300b060960864801650304012d")


def walk(sealed):
    """version, [recipient infos], DER of authEncryptedContentInfo, mac octets"""
    (_, outer, _), = elements(sealed)
    oid, wrapped = elements(outer)
    expect(oid[2] == AUTH_ENVELOPED, "not AuthEnvelopedData")
    (_, body, _), = elements(wrapped[1])
    version, infos, content, mac = elements(body)  # Four: no originator info and no attributes.
    expect((infos[0], content[0], mac[0]) == (0x31, 0x30, 0x04), "not the elements of the profile")
    return version[2], [whole for _, _, whole in elements(infos[1])], content[2], mac[1]


def info_fields(info):
    """The key id, ephemeral point and wrapped key of a recipient info, after checking its algorithms."""
    expect(info[0] == 0xA1, "not a KeyAgreeRecipientInfo")
    version, originator, algorithm, keys = elements(elements(info)[0][1])
    expect(version[2] == bytes.fromhex("020103") and algorithm[2] == KEY_AGREEMENT, "another key agreement")
    (tag, public, _), = elements(originator[1])
    expect(tag == 0xA1, "originator is not a public key")
    point = elements(public)[1][1][1:]
    (_, key, _), = elements(keys[1])
    identifier, wrapped = elements(key)
    expect(identifier[0] == 0xA0, "recipient is not named by key identifier")
    return elements(identifier[1])[0][1], point, wrapped[1]


def section_digest(sealed):
    _, _, content, mac = walk(sealed)
    return H(b"accord/section-digest/v1\0", lp(32, content), lp(16, mac))


def for_recipient(sealed, key_id):
    version, infos, content, mac = walk(sealed)
    info, = [info for info in infos if info_fields(info)[0] == key_id]
    enveloped = der(0x30, version, der(0x31, info), content, der(0x04, mac))
    return der(0x30, AUTH_ENVELOPED, der(0xA0, enveloped))


def unseal(sealed, name):
    """Opens by RFC 5753, 3394 and 5084 read plainly, without CMS code."""
    _, infos, content, mac = walk(sealed)
    for info in infos:
        key_id, point, wrapped = info_fields(info)
        if key_id != subject_key_id(name):
            continue
        ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared_info = der(0x30, AES256_WRAP, der(0xA2, der(0x04, u(32, 256))))
        wrapping = X963KDF(hashes.SHA256(), 32, shared_info).derive(p256(name).exchange(ec.ECDH(), ephemeral))
        _, algorithm, encrypted = elements(elements(content)[0][1])
        oid, parameters = elements(algorithm[1])
        nonce, tag_length = elements(parameters[1])
        expect(oid[2] == AES256_GCM and tag_length[1] == b"\x10" and encrypted[0] == 0x80, "another content cipher")
        expect(len(nonce[1]) == 12 and len(mac) == 16, "another nonce or mac length")
        return AESGCM(aes_key_unwrap(wrapping, wrapped)).decrypt(nonce[1], encrypted[1] + mac, None)
    raise SystemExit(f"golden: not sealed for {name}")


def openssl_decrypt(sealed, name):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = pathlib.Path(folder) / "c.pem", pathlib.Path(folder) / "k.pem"
        certificate.write_text(PEMS[name])
        key.write_text(key_pem(p256(name)))
        return run("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-recip", certificate, "-inkey", key, data=sealed)


def openssl_encrypt(data, names):
    with tempfile.TemporaryDirectory() as folder:
        command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", "-keyid"]
        for name in names:
            certificate = pathlib.Path(folder) / f"{name}.pem"
            certificate.write_text(PEMS[name])
            command += ["-recip", certificate, "-keyopt", "ecdh_kdf_md:sha256"]
        return run(*command, data=data)


def seal(data, names, earlier):
    """`data` sealed for `names`; the earlier CMS if each of them can open it by both routes."""
    def valid(text):
        sealed = base64.b64decode(text)
        named = sorted(info_fields(info)[0] for info in walk(sealed)[1])
        return (named == sorted(map(subject_key_id, names)) and
                all(unseal(sealed, name) == openssl_decrypt(sealed, name) == data for name in names))
    return base64.b64decode(once(earlier, valid, lambda: b64(openssl_encrypt(data, names)), "sealed section"))


# ---- 6. Ledger ---------------------------------------------------------------------------

def leaf(name, chains, openings, time_ms):
    commitments = [commit(b"accord/entry-part/v1", opening) for opening in openings]
    commitments += [seeded(f"{name} padding {i}") for i in range(8 - len(openings))]
    head = b"ACL1" + lp(8, ORIGIN.encode()) + seeded(f"{name} nonce", 16) + u(64, time_ms) + u(8, len(chains))
    body = b"".join(pseudonym + u(64, sequence) + u(64, previous) for pseudonym, sequence, previous in sorted(chains))
    return head + body + b"".join(sorted(commitments))


def tree_root(leaf_hashes):
    if not leaf_hashes:
        return H()
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    k = split(len(leaf_hashes))
    return H(b"\x01", tree_root(leaf_hashes[:k]), tree_root(leaf_hashes[k:]))


def split(n):
    return 1 << (n - 1).bit_length() - 1


def inclusion(m, d):
    """RFC 9162 §2.1.3.1, as written there."""
    if len(d) == 1:
        return []
    k = split(len(d))
    return inclusion(m, d[:k]) + [tree_root(d[k:])] if m < k else inclusion(m - k, d[k:]) + [tree_root(d[:k])]


def consistency(m, d):
    """RFC 9162 §2.1.4.1; nothing from size 0 or to the same size."""
    def sub(m, d, whole):
        if m == len(d):
            return [] if whole else [tree_root(d)]
        k = split(len(d))
        if m <= k:
            return sub(m, d[:k], whole) + [tree_root(d[k:])]
        return sub(m - k, d[k:], False) + [tree_root(d[:k])]
    return sub(m, d, True) if 0 < m < len(d) else []


def note_key_id(name, kind, key):
    return H(name.encode(), b"\n", bytes([kind]), raw_public(key))[:4]


def vkey(name, kind, key):
    return f"{name}+{note_key_id(name, kind, key).hex()}+{b64(bytes([kind]) + raw_public(key))}"


def note_line(name, kind, key, signature):
    return f"\u2014 {name} {b64(note_key_id(name, kind, key) + signature)}\n"


def checkpoint(size, root, key):
    text = f"{ORIGIN}\n{size}\n{b64(root)}\n"
    return text, text + "\n" + note_line(ORIGIN, 1, key, key.sign(text.encode()))


def cosignature(text, name, time_s, key):
    return note_line(name, 4, key, u(64, time_s) + key.sign(f"cosignature/v1\ntime {time_s}\n{text}".encode()))


def tile_path(level, index, width, prefix):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"{prefix}{level if prefix == 'tile/' else ''}{'/' if prefix == 'tile/' else ''}{'/'.join(groups)}" + (
        f".p/{width}" if width != 256 else "")


# ---- 9. Guard ----------------------------------------------------------------------------

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def guard_slot(generation, size, root):
    return guard_seal(b"ACRDGRD1" + u(64, generation) + u(64, size) + root)


def guard_slot_v2(generation, epoch, sequence, size, root):
    return guard_seal(b"ACRDGRD2" + u(64, generation) + u(64, epoch) + u(64, sequence) + u(64, size) + root)


def guard_seal(head):
    head += bytes(508 - len(head))
    return head + u(32, crc32c(head))


# ---- 11. Subject tokens ------------------------------------------------------------------

def normalise(name):
    kept = ""
    for c in unicodedata.normalize("NFKD", name).casefold():
        category = unicodedata.category(c)
        if category[0] != "M" and c not in "'\u2019":
            kept += c if category[0] == "L" or category == "Nd" else " "
    return " ".join(sorted(kept.split()))


def sound(word):
    """§11, of a word of a to z: the groups as they sound, doubled ones once, vowels but a first one and a later h left out."""
    groups = re.sub("sch|tch|chr|ch|sh|zh|ts|tz|ph|kh|gh|ck|dj|qu|x|c(?=[eiy])[eiy]|[cqzvwj]",
                    lambda m: {"sch": "s", "tch": "s", "chr": "kr", "ch": "s", "sh": "s", "zh": "s", "ts": "s", "tz": "s", "ph": "f", "kh": "h",
                               "gh": "g", "ck": "k", "dj": "y", "qu": "k", "x": "ks", "c": "k", "q": "k", "z": "s", "v": "f", "w": "f",
                               "j": "y"}.get(m[0], "s"), word)
    doubled_once = re.sub(r"([^aeiouyh])\1+", r"\1", groups)
    first = re.sub("^[aeiouy]", "a", doubled_once[:1])
    return first + re.sub("[aeiouyh]", "", doubled_once[1:])


def token(key, kind, a, b):
    fields = (b"accord/subject-token/v1", kind.encode(), a.encode(), b.encode())
    return hmac.new(key, b"".join(lp(16, field) for field in fields), hashlib.sha256).digest()


def wrap(key, old):
    return hmac.new(key, lp(16, b"accord/token-wrap/v1") + lp(16, old), hashlib.sha256).digest()


def under(keys, at, first):
    """The token of key number `at` of a domain: that of the first key, wrapped by each later one."""
    for key in keys[1:at + 1]:
        first = wrap(key, first)
    return first


def ingredients(person):
    """§11 in its order, of people whose names are in Roman letters: (kind, a, b, strong)."""
    rows = []
    whole = [f"{person['given_names']} {person['family_name']}"] if person.get("given_names") and person.get("family_name") else []
    whole += [" ".join(reversed(former.split(","))) for former in person.get("former_names", [])] + person.get("aliases", [])
    names = [(normalise(name), re.sub("[^a-z0-9]+", " ", unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
                                      .replace("'", "")).split()) for name in whole]
    days = [date for date in person["dates_of_birth"] if len(date) == 10]
    said = sorted({day for day in days if day[5:] != "01-01"})
    contradict = any(one[:4] != other[:4] and one[5:] != other[5:] for one in said for other in said)
    verified = [row for row in person.get("identifiers", []) if row["verified"] and not row.get("quarantined")]
    for scheme, kind in (("nhs_number", "nhs"), ("pnc_id", "pnc"), ("upn", "upn")):
        rows += [(kind, row["compared"], "", True) for row in verified if row["scheme"] == scheme]
    dated = [(name, day, not contradict and day[5:] != "01-01") for name, words in names if len(words) > 1 for day in days]
    rows += [("name-dob", name, day, True) for name, day, strong in dated if strong]
    rows += [("name-dobs", name, " ".join(said), True) for name, words in names if len(words) > 1 and contradict]
    rows += [("name-year", name, date[:4], False) for name, _ in names for date in person["dates_of_birth"]]
    rows += [("name-dob", name, day, False) for name, day, strong in dated if not strong]
    for name, words in names:
        for day in days:
            if len(words) > 1:
                rows.append(("sound-date", " ".join(sorted(map(sound, words))), day, False))
            if day[5:] == "01-01":
                continue
            rows += [("word-date", word, day, False) for word in [w for w in reversed(words) if len(w) > 1][:4]]
            if len(words) > 1:
                rows.append(("name-day", name, day[5:], False))
    once = []
    for row in rows:
        if row[:3] not in [known[:3] for known in once]:
            once.append(row)
    return once[:16]


def subject_tokens(person, domains):
    """All tokens, as they are sent: strong ones under every key in turn, then the weak ones key by key; at most 16."""
    slots = [(domain, at) for domain in domains for at, key in enumerate(domain["keys"]) if key["sent"]]
    rows = ingredients(person)
    order = [(row, slot) for row in rows if row[3] for slot in slots] + [(row, slot) for slot in slots for row in rows if not row[3]]
    out = []
    for (kind, a, b, strong), (domain, at) in order[:16]:
        keys = [bytes.fromhex(key["key"]) for key in domain["keys"]]
        out.append({"domain": domain["name"], "token_key": domain["keys"][at]["id"], "kind": kind, "a": a, "b": b, "strong": strong,
                    "token": under(keys, at, token(keys[0], kind, a, b)).hex()})
    return out


# ---- The vectors -------------------------------------------------------------------------

def referral():
    """Parts, sections and header of the one referral that the vectors tell of."""
    v, r, s = vocabulary_pb2, referral_pb2, section_content_pb2
    request_id = "golden/2025/000001"
    tag_id = seeded("tag id", 16)
    tag = wire(r.TagPart(
        tag_id=tag_id, victim_awareness=v.VICTIM_AWARENESS_INFORMED, consent=v.CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS,
        consent_excludes_kinds=[v.AGENCY_KIND_PROBATION], consent_by=v.SUBJECT_ROLE_VICTIM, consent_at_ms=TIME_MS - 7_200_000,
        article6=v.ARTICLE6_BASIS_PUBLIC_TASK, article9=v.ARTICLE9_CONDITION_SAFEGUARDING, regime=v.REGIME_UK_GDPR,
        gateway=v.GATEWAY_CDA1998_S115, decision_maker="w-4711"))
    contents = {
        v.CATEGORY_RISK: s.SectionContent(risk=s.RiskAssessment(
            risk=r.Risk(grade=v.RISK_GRADE_HIGH, instrument=v.INSTRUMENT_SAFELIVES_DASH_RIC, instrument_version="2014",
                        subject=v.SUBJECT_ROLE_VICTIM),
            answers=[s.RiskAnswer(question="ric.15.strangle", answer="YES")], score=15, dont_know=2)),
        v.CATEGORY_NARRATIVE: s.SectionContent(text=s.FreeText(text="An invented narrative. " * 60)),
    }
    names = {v.CATEGORY_RISK: [f"{a}-sealing" for a in (SENDER, IDVA, CHILDRENS)], v.CATEGORY_NARRATIVE: [f"{IDVA}-sealing"]}
    earlier = {section["category"]: section["sealed_base64"] for section in committed("sealed").get("sections", [])}
    sections = []
    for category, content in contents.items():
        section_id = seeded(f"section {category}", 16)
        binding = section_binding(SENDER.encode(), request_id.encode(), section_id, category, H(tag))
        plain = plaintext(binding, wire(content))
        sections.append({"section_id": section_id, "category": category, "content": wire(content), "binding": binding,
                         "plaintext": plain, "names": names[category],
                         "sealed": seal(plain, names[category], earlier.get(category))})

    worker = r.Worker(pseudonym="w-4711", role=v.WORKER_ROLE_PRACTITIONER, authentication=v.AUTHENTICATION_MULTI_FACTOR)
    happened = r.TimeRange(earliest_ms=TIME_MS - 90_000_000, latest_ms=TIME_MS - 86_400_000)
    parts = [("core", wire(r.HeaderCore(
        request_id=request_id, sender=SENDER, worker=worker, type=v.REFERRAL_TYPE_REFERRAL,
        purpose=v.PURPOSE_SAFEGUARDING_ADULT, urgency=v.URGENCY_ROUTINE,
        risk=r.Risk(grade=v.RISK_GRADE_HIGH, instrument=v.INSTRUMENT_SAFELIVES_DASH_RIC, instrument_version="2014",
                    subject=v.SUBJECT_ROLE_VICTIM),
        happened=happened, known=happened, signed_at_ms=TIME_MS - 60_000, screening_version="golden-1")))]
    parts += [("recipient", wire(r.RecipientPart(agency=agency, desk=v.DESK_MAIN, capacity=v.RECIPIENT_CAPACITY_NAMED)))
              for agency in (IDVA, CHILDRENS)]
    parts += [("section", wire(r.SectionPart(section_id=section["section_id"], category=section["category"],
                                             digest=section_digest(section["sealed"]), tag_id=tag_id)))
              for section in sections]
    parts += [("tag", tag)]
    for role, band in ((v.SUBJECT_ROLE_VICTIM, v.AGE_BAND_ADULT), (v.SUBJECT_ROLE_ALLEGED_PERPETRATOR, v.AGE_BAND_ADULT)):
        parts.append(("subject", wire(r.SubjectPart(
            subject_id=seeded(f"subject {role}", 16), role=role, age_band=band,
            relationship=v.RELATIONSHIP_CLASS_PARTNER if role == v.SUBJECT_ROLE_ALLEGED_PERPETRATOR else 0,
            tokens=[r.SubjectToken(domain="northshire", token_key="2025", recipe=1, strong=True, token=seeded(f"token {role}"))]))))
    openings = [(label, seeded(f"header salt {i}"), content) for i, (label, content) in enumerate(parts)]
    padding = [seeded(f"header padding {i}") for i in range(-len(openings) % 16)]
    commitments = sorted([commit(b"accord/header-part/v1", opening) for opening in openings] + padding)
    key_id = H(spki(p256(f"{SENDER}-signing")))
    payload = b"ACRDHDR1" + key_id + u(16, len(commitments)) + b"".join(commitments)
    document = signed(f"{SENDER}-signing", b"application/vnd.accord.header.v1", payload, committed("header"))
    return {"request_id": request_id, "tag": tag, "worker": worker, "sections": sections, "openings": openings,
            "padding": padding, "commitments": commitments, "document": document}


def statements(header_digest):
    v, signer = vocabulary_pb2, f"{IDVA}-signing"
    made, previous = [], b""
    earlier = committed("statement").get("statements", [])
    for i, kind in enumerate((v.STATEMENT_KIND_OPENED, v.STATEMENT_KIND_ACCEPTED)):
        statement = wire(referral_pb2.Statement(
            key_id=H(spki(p256(signer))), request_id=f"golden/idva/{i + 1:06}", agency=IDVA,
            worker=referral_pb2.Worker(pseudonym="i-12", role=v.WORKER_ROLE_PRACTITIONER,
                                       authentication=v.AUTHENTICATION_MULTI_FACTOR),
            header_digest=header_digest, previous_statement=previous, kind=kind, acted_at_ms=TIME_MS + 60_000 * (i + 1)))
        made.append(signed(signer, b"application/vnd.accord.statement.v1", statement, earlier[i] if i < len(earlier) else {}))
        previous = bytes.fromhex(made[-1]["digest"])
    return made


def statements_of_later_kinds(header_digest, previous):
    """One of each kind that came after the first, and a decision with all that it may say; a chain for each agency."""
    v = vocabulary_pb2
    meeting_ms = TIME_MS + 7 * 86_400_000
    told = [(IDVA, "RETURNED", dict(return_reasons=[v.RETURN_REASON_SAFE_CONTACT_MISSING, v.RETURN_REASON_BASIS_UNCLEAR])),
            (IDVA, "REDIRECTED", dict(redirect_to="housing")), (IDVA, "ACTION", dict(outcome_code="safety-plan-made")),
            (IDVA, "CLOSED", dict(close_reason=v.CLOSE_REASON_COMPLETED)),
            (IDVA, "LISTED", dict(meeting_at_ms=meeting_ms)), (IDVA, "RESEARCH_REQUESTED", {}), (IDVA, "HEARD", {}),
            (IDVA, "DEFERRED", dict(meeting_at_ms=meeting_ms)), (IDVA, "TRANSFERRED_OUT", dict(other_forum="marac-south")),
            (IDVA, "TRANSFERRED_IN", dict(other_forum="marac-south")),
            (IDVA, "DECIDED", dict(decision=v.CONTACT_DECISION_SECTION_47, decision_maker="i-13", decision_maker_role=v.WORKER_ROLE_SUPERVISOR,
                                   threshold=v.CONTACT_THRESHOLD_SIGNIFICANT_HARM, decision_reason="harm/4.2")),
            (SENDER, "WITHDRAWN", dict(withdraw_reason=v.WITHDRAW_REASON_NOT_WANTED))]
    earlier = committed("statement").get("later_kinds", [])
    made, before = [], {IDVA: previous, SENDER: b""}
    for i, (agency, kind, fields) in enumerate(told):
        statement = wire(referral_pb2.Statement(
            key_id=H(spki(p256(f"{agency}-signing"))), request_id=f"golden/{agency}/{i + 1001:06}", agency=agency,
            worker=referral_pb2.Worker(pseudonym="i-12", role=v.WORKER_ROLE_PRACTITIONER,
                                       authentication=v.AUTHENTICATION_MULTI_FACTOR),
            header_digest=header_digest, previous_statement=before[agency], kind=v.StatementKind.Value(f"STATEMENT_KIND_{kind}"),
            acted_at_ms=TIME_MS + 3_600_000 + 60_000 * i, **fields))
        made.append({"kind": kind, **signed(f"{agency}-signing", b"application/vnd.accord.statement.v1", statement,
                                            earlier[i] if i < len(earlier) else {})})
        before[agency] = bytes.fromhex(made[-1]["digest"])
    return made


# ---- 15. Disclosures ---------------------------------------------------------------------

def disclosure_statements(case):
    """One of each answer: sections that are released, and a refusal."""
    v, d, signer = vocabulary_pb2, disclosure_pb2, f"{SENDER}-signing"
    parts = [H(for_recipient(s["sealed"], subject_key_id(s["names"][0]))) for s in case["sections"]]
    told = [dict(answer=v.DISCLOSURE_ANSWER_RELEASED, parts=parts), dict(answer=v.DISCLOSURE_ANSWER_REFUSED, ground=v.DISCLOSURE_GROUND_LEGAL_PRIVILEGE)]
    earlier = committed("disclosure").get("statements", [])
    return [signed(signer, b"application/vnd.accord.disclosure.v1", wire(d.DisclosureStatement(
        key_id=H(spki(p256(signer))), request_id=f"golden/disclosure/{i + 1:06}", disclosure=4711 + i, agency=SENDER, warrant="jtai-northshire",
        inspector=INSPECTOR, kind=v.DISCLOSURE_KIND_SECTIONS,
        worker=referral_pb2.Worker(pseudonym="dpo-1", role=v.WORKER_ROLE_AUTHORISING_OFFICER, authentication=v.AUTHENTICATION_MULTI_FACTOR),
        signed_at_ms=TIME_MS + 86_400_000, **fields)), earlier[i] if i < len(earlier) else {}) for i, fields in enumerate(told)]


def disclosure_binding(sender, recipient, request_id, kind):
    fields = (b"accord/disclosure/v1", sender, recipient, request_id, b"%d" % kind)
    return H(*(lp(16, field) for field in fields))


def disclosed(case):
    """A question about people, the answer to it, and the answer to one about referrals."""
    v, d, s = vocabulary_pb2, disclosure_pb2, section_content_pb2
    digest = bytes.fromhex(case["document"]["digest"])
    found = dict(referral=digest, record_numbers=["NP-4711"], request_id=case["request_id"])
    request_id = "golden/inspector/000001"
    told = [("question", INSPECTOR, SENDER, v.DISCLOSURE_KIND_PERSONS, d.PersonsQuestion(persons=[
                d.PersonAsked(mark="row-1", person=s.Person(family_name="Ashdown", given_names="Miriam", dates_of_birth=["1991-04-17"])),
                d.PersonAsked(mark="row-2", person=s.Person(record_number="NP-0815"))])),
            ("answer about people", SENDER, INSPECTOR, v.DISCLOSURE_KIND_PERSONS, d.PersonsAnswer(persons=[
                d.PersonFound(mark="row-1", referrals=[d.ReferralFound(strength=v.MATCH_STRENGTH_STRONG, **found)]), d.PersonFound(mark="row-2")])),
            ("answer about records", SENDER, INSPECTOR, v.DISCLOSURE_KIND_RECORDS, d.RecordsAnswer(referrals=[d.ReferralFound(**found)]))]
    earlier = {row["what"]: row["sealed_base64"] for row in committed("disclosure").get("sealed", [])}
    made = []
    for what, sender, recipient, kind, content in told:
        binding = disclosure_binding(sender.encode(), recipient.encode(), request_id.encode(), kind)
        plain = plaintext(binding, wire(content))
        made.append({"what": what, "from": sender, "to": recipient, "request_id": request_id, "kind": kind, "content": wire(content).hex(),
                     "binding": binding.hex(), "plaintext_base64": b64(plain),
                     "sealed_base64": b64(seal(plain, [f"{recipient}-sealing"], earlier.get(what)))})
    return made


def leaves(case, statement_digest):
    """Entry 0, a referral stored, its release and a statement on it."""
    e, log = entry_pb2, ed("log")
    referral_chain, case_chain = seeded("chain referral", 16), seeded("chain case", 16)
    document = case["document"]
    stored = dict(header_digest=bytes.fromhex(document["digest"]), sender=SENDER, request_id=case["request_id"])
    decision = referral_pb2.SectionDecision(
        section_id=case["sections"][0]["section_id"], category=case["sections"][0]["category"], recipient=IDVA,
        verdict=vocabulary_pb2.VERDICT_PERMIT, rule_id="agreement/1/golden", reason="The agreement permits it.")
    told = [
        ("opened", [(seeded("chain log", 16), 0, 2**64 - 1)],
         [("event", e.EntryEvent(type=e.EVENT_TYPE_LOG_OPENED, log_vkey=vkey(ORIGIN, 1, log), origin=ORIGIN, change="alice,bob")),
          ("actor", e.EntryActor(principal="broker"))]),
        ("stored", [(referral_chain, 0, 2**64 - 1), (case_chain, 0, 2**64 - 1)],
         [("event", e.EntryEvent(type=e.EVENT_TYPE_REFERRAL_STORED, agreement_version="1")),
          ("actor", e.EntryActor(principal=f"agency/{SENDER}/outbox", worker=case["worker"],
                                 certificate=H(certificate_der(f"{SENDER}-tls")))),
          ("referral", e.EntryReferral(section_digests=[section_digest(s["sealed"]) for s in case["sections"]], **stored)),
          ("decisions", e.EntryDecisions(decisions=[decision], decision_digest=seeded("decision digest")))]),
        ("released", [(referral_chain, 1, 1), (case_chain, 1, 1)],
         [("event", e.EntryEvent(type=e.EVENT_TYPE_RELEASED, attempt=1)),
          ("actor", e.EntryActor(principal=f"agency/{IDVA}")),
          ("referral", e.EntryReferral(recipient=IDVA, delivery_id=seeded("delivery", 16), **stored))]),
        ("statement", [(referral_chain, 2, 2)],
         [("event", e.EntryEvent(type=e.EVENT_TYPE_STATEMENT, statement=vocabulary_pb2.STATEMENT_KIND_OPENED)),
          ("actor", e.EntryActor(principal=f"agency/{IDVA}")),
          ("referral", e.EntryReferral(statement_digest=statement_digest, **stored))]),
    ]
    made = []
    for i, (name, chains, parts) in enumerate(told):
        openings = [(label, seeded(f"{name} salt {label}"), wire(part)) for label, part in parts]
        made.append({"name": name, "origin": ORIGIN, "nonce": seeded(f"{name} nonce", 16).hex(), "time_ms": TIME_MS + i,
                     "chains": [{"pseudonym": p.hex(), "sequence": s, "previous_index": n} for p, s, n in sorted(chains)],
                     "openings": openings, "bytes": leaf(name, chains, openings, TIME_MS + i)})
    return made


def make_vectors():
    case = referral()
    document = case["document"]
    told = statements(bytes.fromhex(document["digest"]))
    entries = leaves(case, bytes.fromhex(told[0]["digest"]))
    out = {}

    cases = [(domain, (label, seeded(f"commitment {domain} {label}"), content))
             for domain in ("accord/header-part/v1", "accord/entry-part/v1")
             for label, content in (("core", b""), ("tag", b"content"), ("", bytes(range(256))))]
    out["commitment"] = {
        "comment": "§1: commitments, each with its opening.",
        "commitments": [{"domain": d, **opening_json(o), "commitment": commit(d.encode(), o).hex()} for d, o in cases]}

    out["signature"] = {
        "comment": "§2: DSSE and ECDSA over payloads that are not documents of ours, as the encoding must bear any bytes.",
        "signatures": [signed(f"{SENDER}-signing", kind, payload,
                              (committed("signature").get("signatures", []) + [{}] * 3)[i])
                       for i, (kind, payload) in enumerate([(b"http://example.com/HelloWorld", b"hello world"),
                                                            (b"", b""), (b"t", bytes(range(256)))])]}

    out["header"] = {
        "comment": "§3: a signed header with parts of all kinds and its padding. Openings in the order core, recipients, "
                   "sections, tags, subjects; commitments as in the header.",
        **document, "count": len(case["commitments"]), "commitments": [c.hex() for c in case["commitments"]],
        "padding": [p.hex() for p in case["padding"]], "openings": [opening_json(o) for o in case["openings"]],
        "submission_base64": b64(wire(referral_pb2.Submission(
            header=referral_pb2.SignedPayload.FromString(bytes.fromhex(document["signed_payload"])),
            openings=[opening_proto(o) for o in case["openings"]],
            sections=[referral_pb2.SealedSection(section_id=s["section_id"], cms=s["sealed"]) for s in case["sections"]])))}

    sizes = [0, 988, 989, 4060, 4061, 16348, 16349, 65500, 65501, 131036, 131037, (8 << 20) - 36, (8 << 20) - 35]
    out["section"] = {
        "comment": "§4: bindings and plaintexts, and the padded size of contents at every step (0: refused as too large).",
        "sender": SENDER, "request_id": case["request_id"], "tag_content": case["tag"].hex(), "tag_digest": H(case["tag"]).hex(),
        "sections": [{"section_id": s["section_id"].hex(), "category": s["category"], "content": s["content"].hex(),
                      "binding": s["binding"].hex(), "plaintext_base64": b64(s["plaintext"])} for s in case["sections"]],
        "padding": [{"content_bytes": n, "plaintext_bytes": padded_size(n + 36)} for n in sizes]}

    out["sealed"] = {
        "comment": "§4: sealed sections, their digests, and the form handed to each recipient. Plaintexts are in section.json, "
                   "keys and certificates in keys/.",
        "sections": [{"section_id": s["section_id"].hex(), "category": s["category"], "digest": section_digest(s["sealed"]).hex(),
                      "sealed_base64": b64(s["sealed"]),
                      "recipients": [{"name": n, "subject_key_id": subject_key_id(n).hex(),
                                      "sealed_base64": b64(for_recipient(s["sealed"], subject_key_id(n)))} for n in s["names"]]}
                     for s in case["sections"]]}

    out["succession"] = {"comment": "§4: the old sealing key's word for the one that follows it.",
                         **succession(f"{IDVA}-sealing", f"{IDVA}-sealing-2", committed("succession"))}

    out["statement"] = {"comment": "§5: two statements of one agency on the referral of header.json; the second names the first.",
                        "statements": told,
                        "later_kinds_comment": "One statement of each later kind, as they are made; whether one may follow another is the "
                                               "broker's to say.",
                        "later_kinds": statements_of_later_kinds(bytes.fromhex(document["digest"]), bytes.fromhex(told[-1]["digest"]))}

    out["disclosure"] = {
        "comment": "§15: an agency's signed answers to an inspector, and what is sealed between them, each for one certificate of keys/.",
        "statements": disclosure_statements(case), "sealed": disclosed(case)}

    out["leaf"] = {
        "comment": "§6: leaves 0 to 3 of a log: opened, a referral stored, its release, a statement. Openings are of the "
                   "commitments that are not padding.",
        "leaves": [{**{k: v for k, v in e.items() if k not in ("openings", "bytes")},
                    "openings": [opening_json(o) for o in e["openings"]], "leaf": e["bytes"].hex(),
                    "leaf_hash": H(b"\0", e["bytes"]).hex()} for e in entries]}

    published = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                            "606162636465666768696a6b6c6d6e6f")]
    d = [H(b"\0", x) for x in published]
    counted = [u(64, i) for i in range(300)]
    big = [H(b"\0", x) for x in counted]
    rows = [tree_root(big[:256]), tree_root(big[256:])]
    out["tree"] = {
        "comment": "§6: every root and proof of the eight leaves of Certificate Transparency's published vectors; then a log of "
                   "300 leaves, leaf i being u64 i, with tiles and proofs across the edge of a tile.",
        "leaves": [x.hex() for x in published], "roots": [tree_root(d[:n]).hex() for n in range(9)],
        "inclusion": [{"index": m, "size": n, "path": [x.hex() for x in inclusion(m, d[:n])]}
                      for n in range(1, 9) for m in range(n)],
        "consistency": [{"old_size": m, "new_size": n, "path": [x.hex() for x in consistency(m, d[:n])]}
                        for n in range(9) for m in range(n + 1)],
        "large": {
            "size": 300, "root": tree_root(big).hex(),
            "inclusion": [{"index": m, "path": [x.hex() for x in inclusion(m, big)]} for m in (0, 255, 256, 299)],
            "consistency": [{"old_size": m, "root": tree_root(big[:m]).hex(), "path": [x.hex() for x in consistency(m, big)]}
                            for m in (1, 255, 256, 257, 299)],
            "tiles": [{"path": tile_path(0, 0, 256, "tile/"), "sha256": H(*big[:256]).hex()},
                      {"path": tile_path(0, 1, 44, "tile/"), "sha256": H(*big[256:]).hex()},
                      {"path": tile_path(1, 0, 1, "tile/"), "sha256": H(rows[0]).hex()}],
            "bundle": {"path": tile_path(0, 1, 44, "tile/entries/"), "sha256": H(*(lp(16, x) for x in counted[256:])).hex()}},
        "tile_paths": [{"level": l, "index": n, "width": w, "path": tile_path(l, n, w, "tile/"),
                        "entries_path": tile_path(l, n, w, "tile/entries/")}
                       for l, n, w in ((0, 5, 256), (0, 999, 1), (1, 1000, 256), (2, 1067, 112), (0, 1234067, 255))]}

    log, witness = ed("log"), ed("witness")
    hashed = [H(b"\0", e["bytes"]) for e in entries]
    text, note = checkpoint(len(hashed), tree_root(hashed), log)
    line = cosignature(text, f"{IDVA}.accord.test", TIME_MS // 1000 + 5, witness)
    out["checkpoint"] = {
        "comment": "§6: the checkpoint over the four leaves of leaf.json, and a witness's cosignature. Ed25519 is deterministic.",
        "origin": ORIGIN, "size": len(hashed), "root": tree_root(hashed).hex(), "log_seed": seeded("key log").hex(),
        "log_vkey": vkey(ORIGIN, 1, log), "text": text, "note": note, "witness_name": f"{IDVA}.accord.test",
        "witness_seed": seeded("key witness").hex(), "witness_vkey": vkey(f"{IDVA}.accord.test", 4, witness),
        "cosigned_at_s": TIME_MS // 1000 + 5, "cosignature_line": line, "cosigned_note": note + line}

    receipt = "".join(["c2sp.org/tlog-proof@v1\n", f"extra {b64(entries[1]['bytes'])}\n", "index 1\n",
                       *(b64(x) + "\n" for x in inclusion(1, hashed)), "\n", note, line])
    openings = entries[1]["openings"]
    out["receipt"] = {
        "comment": "§6: the receipt of leaf 1 with all its openings: the proto, and the two files NAME and NAME.openings.json.",
        "index": 1, "path": [x.hex() for x in inclusion(1, hashed)], "tlog_proof": receipt,
        "openings_json": json.dumps([{"label": l, "salt": b64(s), "content": b64(c)} for l, s, c in openings]),
        "openings": [opening_json(o) for o in openings],
        "receipt_base64": b64(wire(entry_pb2.Receipt(tlog_proof=receipt, openings=[opening_proto(o) for o in openings])))}

    ops = [(1, "leaf", u(64, 7), b"value"), (2, "mailbox", b"\0\xff", None), (1, "meta", b"empty", b""), (1, "leaf", u(64, 7), b"again")]
    record = b"ABR1" + u(64, 3) + u(64, 42) + u(64, TIME_MS) + u(32, len(ops)) + b"".join(
        u(8, kind) + lp(8, family.encode()) + lp(32, key) + (lp(32, value) if kind == 1 else b"")
        for kind, family, key, value in ops)
    out["batch"] = {
        "comment": "§7: a batch of puts and a delete, and the value of the commit mark the store adds.",
        "term": 3, "sequence": 42, "time_ms": TIME_MS,
        "ops": [{"kind": kind, "family": family, "key": key.hex(), "value": (value or b"").hex()} for kind, family, key, value in ops],
        "record": record.hex(), "digest": H(record).hex(), "commit_mark": (u(64, 3) + u(64, 42) + u(64, TIME_MS) + H(record)).hex()}

    master = seeded("master key")
    slot_keys = {slot: seeded(f"slot key {slot}") for slot in (0, 1, 3)}
    file = b"ACRDKEY1" + bytes(8)
    for slot in range(4):
        nonce = seeded(f"slot nonce {slot}", 12)
        file += (u(8, 1) + bytes(3) + nonce + AESGCM(master).encrypt(nonce, slot_keys[slot], b"accord/key-slot/v1" + u(64, slot))
                 if slot in slot_keys else u(8, 2) + bytes(63))
    values = []
    for slot, family, key, value in ((1, "opening", u(64, 9), b"an opening"), (3, "section", seeded("key", 16), b"")):
        nonce = seeded(f"value nonce {slot}", 12)
        sealed = AESGCM(slot_keys[slot]).encrypt(nonce, value, lp(8, family.encode()) + lp(16, key))
        values.append({"slot": slot, "family": family, "key": key.hex(), "nonce": nonce.hex(), "value": value.hex(),
                       "stored": (u(8, 1) + u(64, slot) + nonce + sealed).hex()})
    out["at_rest"] = {
        "comment": "§8: a key-slot file of four slots, of which 2 is destroyed, and values sealed under slots 1 and 3.",
        "master_key": master.hex(), "master_key_file": master.hex() + "\n", "slot_file": file.hex(),
        "slot_keys": [{"slot": slot, "key": key.hex()} for slot, key in slot_keys.items()], "values": values}

    marks = [(6, 900, seeded("guard 6")), (7, 950, seeded("guard 7"))]
    slots = [guard_slot(*mark) for mark in marks]
    out["guard"] = {
        "comment": "§9: a guard file; generation 7, in the second slot, counts. In `torn` that slot's last byte is lost.",
        "slots": [{"generation": g, "size": n, "root": r.hex(), "slot": s.hex()} for (g, n, r), s in zip(marks, slots)],
        "file": b"".join(slots).hex(), "torn": (slots[0] + slots[1][:-1] + bytes([slots[1][-1] ^ 0xFF])).hex()}
    marks = [(6, 3, 412, 900, seeded("guard 6")), (7, 3, 413, 950, seeded("guard 7"))]
    slots = [guard_slot_v2(*mark) for mark in marks]
    out["guard_v2"] = {
        "comment": "§9: the same in version 2, with the epoch and the number of the newest batch.",
        "slots": [{"generation": g, "epoch": e, "sequence": q, "size": n, "root": r.hex(), "slot": s.hex()}
                  for (g, e, q, n, r), s in zip(marks, slots)],
        "file": b"".join(slots).hex(), "torn": (slots[0] + slots[1][:-1] + bytes([slots[1][-1] ^ 0xFF])).hex()}

    rows = [(seeded("section 3", 16), IDVA, 1, "agreement/1/golden"), (seeded("section 3", 16), CHILDRENS, 2, "always/golden"),
            (seeded("section 12", 16), IDVA, 3, "basis/golden")]
    encoded = sorted(lp(16, s) + lp(16, agency.encode()) + u(8, verdict) + lp(16, rule.encode()) for s, agency, verdict, rule in rows)
    out["decision"] = {
        "comment": "§10: the digest of three decisions, one of each verdict.", "agreement_version": "2025-1,other-7", "emergency_version": "emergency-1", "law_version": "law-1",
        "rows": [{"section_id": s.hex(), "recipient": agency, "verdict": verdict, "rule_id": rule} for s, agency, verdict, rule in rows],
        "digest": H(b"accord/decision/v2\0", lp(16, b"2025-1,other-7"), lp(16, b"emergency-1"), lp(16, b"law-1"), u(32, len(rows)), *encoded).hex()}

    key = seeded("linkage key")
    names = ["Zo\u00eb O'Brien-Smith", "SMITH o\u2019brien zoe", "Jos\u00e9  Mar\u00eda", "Stra\u00dfe \u00c6sa", "\ufb01 \u2163",
             "\u1fb3 \u03a3\u03b1\u03c2", "\u0410\u043d\u043d\u0430 \u0419", "\u674e \u5c0f\u9f99", "\u0661\u0662 2nd", "\u0130rem", "-- '", ""]
    name, alias = normalise("Zo\u00eb" + " " + "O'Brien-Smith"), normalise("Zoe Smith")
    tokens = [("nhs", "9434765919", "", True), ("name-dob", name, "1990-02-03", True), ("name-dob", alias, "1990-02-03", True),
              ("name-year", name, "1990", False), ("name-year", name, "1991", False), ("name-year", alias, "1990", False),
              ("name-year", alias, "1991", False)]
    born, sounds = "1990-02-03", ("abrn s smt", "s smt")
    near = [("sound-date", sounds[0], born), ("word-date", "smith", born), ("word-date", "obrien", born), ("word-date", "zoe", born),
            ("name-day", name, born[5:]), ("sound-date", sounds[1], born), ("name-day", alias, born[5:])]
    expect(" ".join(sorted(map(sound, ("zoe", "obrien", "smith")))) == sounds[0], "the sound of a name")
    # Name, its words transliterated.
    roman = [("Zoë O'Brien-Smith", "zoe obrien smith"), ("Анна Шевченко", "anna sevcenko"), ("Юлія", "ulia"), ("Łukasz Øst", "lukasz ost"),
             ("Παπαδόπουλος", "papadopoulos"), ("Mohammed Khan", "mohammed khan"), ("Muhammad", "muhammad"), ("Christina Czarnecka", "christina czarnecka"),
             ("Yusuf Jackson", "yusuf jackson"), ("Alexander Schwarz", "alexander schwarz"), ("2nd Aoi", "2nd aoi")]
    out["subject_token"] = {
        "comment": "§11: names and what they normalise to, and all tokens of one invented person, strong ones first, then those that survive an error; words as they sound.",
        "names": [{"name": n, "normalised": normalise(n)} for n in names], "key": key.hex(),
        "person": {"given_names": "Zo\u00eb", "family_name": "O'Brien-Smith", "aliases": ["Zoe Smith"],
                   "dates_of_birth": ["1990-02-03", "1991"], "nhs_number": "943 476 5919"},
        "tokens": [{"kind": kind, "a": a, "b": b, "strong": strong, "token": token(key, kind, a, b).hex()}
                   for kind, a, b, strong in tokens],
        "near": [{"kind": kind, "a": a, "b": b, "token": token(key, kind, a, b).hex()} for kind, a, b in near],
        "sounds": [{"name": n, "words": words.split(), "sounds": [sound(word) for word in words.split()]} for n, words in roman]}

    first, second, third = (seeded(f"linkage key {name}").hex() for name in ("one", "two", "of another area"))
    north = lambda old_is_sent: {"name": "northshire", "keys": [{"id": "2025", "key": first, "sent": old_is_sent}, {"id": "2026", "key": second, "sent": True}]}
    before = {"name": "northshire", "keys": [{"id": "2025", "key": first, "sent": True}]}
    south = {"name": "southshire", "keys": [{"id": "s-1", "key": third, "sent": True}]}
    married = {"given_names": "Miriam Joy", "family_name": "Khan", "former_names": ["Ashdown, Miriam Joy"], "dates_of_birth": ["1991-04-17", "1991-07-14"]}
    numbered = {"given_names": "Daniel", "family_name": "Price", "dates_of_birth": ["2009-09-30"], "identifiers": [
        {"scheme": "upn", "value": "P207000016049", "compared": "P207000016049", "verified": True},
        {"scheme": "pnc_id", "value": "2003/62845e", "compared": "03/0062845E", "verified": True},
        {"scheme": "nhs_number", "value": "943 476 5919", "compared": "9434765919", "verified": True},
        {"scheme": "nhs_number", "value": "4010232137", "compared": "4010232137", "verified": False},
        {"scheme": "upn", "value": "B801200005001", "compared": "B801200005001", "verified": True, "quarantined": True}]}
    mixed_up = {"given_names": "Mohammed", "family_name": "Khan", "dates_of_birth": ["1990-11-12", "1965-02-03", "1965-01-01"]}
    cases = [("one key", numbered, [before]), ("former name, dates of one birth", married, [before]), ("dates that contradict", mixed_up, [before]),
             ("in the transition to a second key", married, [north(True)]), ("after it", married, [north(False)]),
             ("two domains", numbered, [north(False), south])]
    reference = "20/CR/118822/26"
    event = hmac.new(bytes.fromhex(first), lp(16, b"accord/event-token/v1") + lp(16, reference.encode()), hashlib.sha256).digest()
    out["linkage"] = {
        "comment": "§11: all tokens of invented people as they are sent, with former names, identifiers and several dates, under one key, two keys and "
                   "of two domains. `compared` is the form of an identifier that makes the token. The event's under the first key that is sent.",
        "cases": [{"what": what, "person": person, "domains": domains, "tokens": subject_tokens(person, domains)} for what, person, domains in cases],
        "event": {"reference": reference, "in_transition": event.hex(), "after": wrap(bytes.fromhex(second), event).hex()}}

    out["certificates"] = {
        "comment": "§4: certificates under an area authority. PEM files are in keys/.",
        "trust_domain": "accord.test", "authority": "authority",
        "certificates": [{"name": name, "uri": path and f"spiffe://accord.test/{path}",
                          "use": "authority" if path is None else "tls" if tls else path.rsplit("/", 1)[1],
                          "key_id": H(spki(p256(name))).hex(), "subject_key_id": subject_key_id(name).hex(),
                          "fingerprint": H(certificate_der(name)).hex()} for name, (path, _, tls) in CERTIFICATES.items()]}
    return out


# ---- Checks by another route -------------------------------------------------------------

def verify_inclusion(index, size, leaf_hash, path, root):
    """RFC 9162 §2.1.3.2, as written there."""
    fn, sn, r = index, size - 1, leaf_hash
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = H(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = H(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def cross_check(vectors):
    """What the comparison with committed bytes cannot show: that the recipes here are right."""
    # Published by others: Certificate Transparency's roots, signed-note's own example, CRC-32C's check value.
    roots = ("e3b0c442 6e340b9c fac54203 aeb6bcfe d37ee418 4e3bbb1f 76e67dad ddb89be4 5dc9da79").split()
    expect([x[:8] for x in vectors["tree"]["roots"]] == roots, "roots differ from the published ones")
    expect(vectors["tree"]["roots"][8] == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", "root of eight")
    expect(crc32c(b"123456789") == 0xE3069283, "CRC-32C")
    expect(pae(b"http://example.com/HelloWorld", b"hello world") ==
           b"DSSEv1 29 http://example.com/HelloWorld 11 hello world", "DSSE's own example")
    name, kind, public = "example.com/foo", 1, base64.b64decode("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")[1:]
    expect(H(name.encode(), b"\n", bytes([kind]), public)[:4].hex() == "530d903a", "signed-note's own key id")

    tree = vectors["tree"]
    for proof in tree["inclusion"]:
        expect(verify_inclusion(proof["index"], proof["size"], H(b"\0", bytes.fromhex(tree["leaves"][proof["index"]])),
                                [bytes.fromhex(x) for x in proof["path"]], bytes.fromhex(tree["roots"][proof["size"]])),
               f"inclusion {proof}")

    header = bytes.fromhex(vectors["header"]["payload"])
    found = [header[42 + 32 * i:74 + 32 * i] for i in range(int.from_bytes(header[40:42], "big"))]
    expect(header[:8] == b"ACRDHDR1" and len(header) == 42 + 32 * len(found), "header form")
    expect(found == sorted(set(found)) and len(found) % 16 == 0, "header commitments")
    for opening in vectors["header"]["openings"]:
        parts = (opening["label"], bytes.fromhex(opening["salt"]), bytes.fromhex(opening["content"]))
        expect(commit(b"accord/header-part/v1", parts) in found, f"opening {opening['label']}")

    for section, plain in zip(vectors["sealed"]["sections"], vectors["section"]["sections"]):
        for recipient in section["recipients"]:
            own = base64.b64decode(recipient["sealed_base64"])
            expect(section_digest(own).hex() == section["digest"] and len(walk(own)[1]) == 1, "single-recipient form")
            expect(b64(unseal(own, recipient["name"])) == b64(openssl_decrypt(own, recipient["name"])) ==
                   plain["plaintext_base64"], f"opening for {recipient['name']}")

    with tempfile.TemporaryDirectory() as folder:
        authority = pathlib.Path(folder) / "ca.pem"
        authority.write_text(PEMS["authority"])
        for name, pem in PEMS.items():
            run("openssl", "verify", "-attime", str(TIME_MS // 1000), "-CAfile", authority, data=pem.encode())


def main():
    global PEMS
    with tempfile.TemporaryDirectory() as folder:
        load_protos(folder)
        PEMS = make_certificates()
        vectors = make_vectors()
        cross_check(vectors)
    files = {f"vectors/{name}.json": json.dumps(vector, indent=1, ensure_ascii=False) + "\n" for name, vector in vectors.items()}
    for name, pem in PEMS.items():
        files[f"keys/{name}.cert.pem"] = pem
        files[f"keys/{name}.key.pem"] = key_pem(p256(name))
    for name in ("log", "witness"):
        files[f"keys/{name}.key.pem"] = key_pem(ed(name))
    if CHECK:
        present = {path.relative_to(HERE).as_posix() for folder in ("vectors", "keys") for path in (HERE / folder).iterdir()}
        expect(present == set(files), f"files differ from what is made: {sorted(present ^ set(files))}")
        for name, text in files.items():
            expect((HERE / name).read_text() == text, f"{name} is not what docs/formats.md gives")
        print(f"golden: {len(files)} files hold")
        return
    for name, text in files.items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(text)
    print(f"golden: wrote {len(files)} files")


if __name__ == "__main__":
    main()
