#!/usr/bin/env python3
"""A second, independent reader of sealed files, for tests only.

Written from the format's text with Python's standard library and `cryptography` (44 or newer), and nothing of
the project's own code:

    independent_reader.py vectors FILE          check every vector of docs/format-vectors.json
    independent_reader.py open paste|chunk KEY [PASSWORD] < sealed
                                                writes the content to standard output

`vectors` also builds each good file anew from its parts, and must arrive at the same bytes.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

MAGIC = b"sallyport-sealed/1\n"
SEGMENT = 65536
TAG = 16
ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"


class Refused(Exception):
    """Carries the code with which a file is refused."""


# -- text -------------------------------------------------------------------------------------------------------


def base64url(text, size, code):
    """The `size` bytes of a canonical, unpadded base64url text."""
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z0-9_-]*", text):
        raise Refused(code)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused(code) from None
    if len(data) != size or unpadded_base64url(data) != text:
        raise Refused(code)
    return data


def unpadded_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class OddNumber:
    """A JSON number that is not written as decimal digits alone."""


def strict_object(data, malformed, duplicate):
    """Bytes to a dict, or Refused."""
    twice = []

    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice.append(True)
        return dict(pairs)

    def no_constant(_):
        raise ValueError

    def integer(text):
        return OddNumber() if text.startswith("-") else int(text)

    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=members,
            parse_int=integer,
            parse_float=lambda _: OddNumber(),
            parse_constant=no_constant,
        )
    except (ValueError, RecursionError):
        raise Refused(malformed) from None
    if not isinstance(value, dict):
        raise Refused(malformed)
    if twice:
        raise Refused(duplicate)
    return value


def well_formed(text):
    return isinstance(text, str) and not re.search("[\ud800-\udfff]", text)


# -- header -----------------------------------------------------------------------------------------------------


def exact(value, names):
    if set(value) - names:
        raise Refused("unknown_member")
    if names - set(value):
        raise Refused("missing_member")


def read_head(data):
    """(head, salt, kdf, context) of a file: head is magic, length and header as they stand."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise Refused("bad_magic")
    if len(data) < len(MAGIC) + 4:
        raise Refused("truncated_header")
    length = int.from_bytes(data[19:23], "big")
    if not 1 <= length <= 4096:
        raise Refused("bad_length")
    head = data[: 23 + length]
    if len(head) < 23 + length:
        raise Refused("truncated_header")
    header = strict_object(head[23:], "bad_header_json", "duplicate_member")
    exact(header, {"salt", "kdf", "context"})
    salt = base64url(header["salt"], 16, "bad_salt")

    kdf = header["kdf"]
    if not isinstance(kdf, dict):
        raise Refused("bad_kdf")
    exact(kdf, {"id"})
    if kdf["id"] not in ("none", "argon2id"):
        raise Refused("bad_kdf")

    context = header["context"]
    check_context(context)
    if context["kind"] == "chunk" and kdf["id"] != "none":
        raise Refused("bad_kdf")
    return head, salt, kdf["id"], context


def check_context(context):
    if not isinstance(context, dict):
        raise Refused("bad_context")
    if "kind" not in context:
        raise Refused("missing_member")
    if context["kind"] == "paste":
        exact(context, {"kind"})
        return
    if context["kind"] != "chunk":
        raise Refused("bad_context")
    exact(context, {"kind", "incident_id", "stream_id", "media_type", "chunk_index", "final"})
    index = context["chunk_index"]
    good = (
        isinstance(context["incident_id"], str)
        and re.fullmatch("inc_" + ULID, context["incident_id"])
        and isinstance(context["stream_id"], str)
        and re.fullmatch("str_" + ULID, context["stream_id"])
        and context["media_type"] in ("audio", "video", "location", "metadata")
        and type(index) is int
        and 1 <= index <= 2**53 - 1
        and type(context["final"]) is bool
    )
    if not good:
        raise Refused("bad_context")


# -- keys -------------------------------------------------------------------------------------------------------


def hkdf(ikm, salt, info, size):
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(ikm)


STRETCHED = {}


def input_key(key, password):
    """key ‖ pw"""
    if password is None:
        return key
    if password == "" or not well_formed(password):
        raise Refused("bad_password")
    text = unicodedata.normalize("NFC", password).encode()
    if (key, text) not in STRETCHED:
        salt = hkdf(key, b"", b"sallyport-sealed/1 salt", 16)
        argon2 = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65536)
        STRETCHED[key, text] = argon2.derive(text)
    return key + STRETCHED[key, text]


def proof(ikm):
    return unpadded_base64url(hkdf(ikm, b"", b"sallyport-sealed/1 access", 32))


def file_keys(ikm, salt, head):
    """(payload key, commitment)"""
    digest = hashlib.sha256(head).digest()
    prk = hmac.digest(salt, ikm, "sha256")

    def expand(label):
        return HKDFExpand(algorithm=SHA256(), length=32, info=label + digest).derive(prk)

    return expand(b"sallyport-sealed/1 payload"), expand(b"sallyport-sealed/1 commitment")


# -- payload ----------------------------------------------------------------------------------------------------


def nonce(counter, last):
    return counter.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def open_payload(key, payload):
    aes = AESGCM(key)

    def attempt(counter, last, sealed):
        try:
            return aes.decrypt(nonce(counter, last), sealed, None)
        except InvalidTag:
            return None

    plaintext = []
    step = SEGMENT + TAG
    for counter, start in enumerate(range(0, max(1, len(payload)), step)):
        sealed = payload[start : start + step]
        last = start + step >= len(payload)
        if len(sealed) < TAG:
            raise Refused("truncated")
        opened = attempt(counter, last, sealed)
        if opened is None:
            if attempt(counter, not last, sealed) is None:
                raise Refused("segment_corrupt")
            raise Refused("truncated" if last else "trailing_data")
        if last and counter > 0 and not opened:
            raise Refused("empty_last_segment")
        plaintext.append(opened)
    return b"".join(plaintext)


def seal_payload(key, plaintext):
    aes = AESGCM(key)
    segments = [plaintext[at : at + SEGMENT] for at in range(0, len(plaintext), SEGMENT)] or [b""]
    return b"".join(
        aes.encrypt(nonce(counter, counter == len(segments) - 1), segment, None)
        for counter, segment in enumerate(segments)
    )


# -- the plaintext of a paste -----------------------------------------------------------------------------------


def padded_length(used):
    exponent = used.bit_length() - 1
    mask = (1 << max(0, exponent - exponent.bit_length())) - 1
    return max(256, (used + mask) & ~mask)


def read_paste(plaintext):
    """(metadata, content)"""
    if len(plaintext) < 4:
        raise Refused("bad_metadata")
    length = int.from_bytes(plaintext[:4], "big")
    if length > 4096 or 4 + length > len(plaintext):
        raise Refused("bad_metadata")
    metadata = strict_object(plaintext[4 : 4 + length], "bad_metadata", "bad_metadata")
    if set(metadata) - {"name", "mime"} or not all(map(well_formed, metadata.values())):
        raise Refused("bad_metadata")
    rest = plaintext[4 + length :].rstrip(b"\0")
    if rest[-1:] != b"\x80" or padded_length(4 + length + len(rest)) != len(plaintext):
        raise Refused("bad_padding")
    return metadata, rest[:-1]


# -- files ------------------------------------------------------------------------------------------------------


def open_file(data, kind, key, password=None):
    """({metadata or context}, content)"""
    head, salt, kdf, context = read_head(data)
    if context["kind"] != kind:
        raise Refused("wrong_kind")
    if kdf == "argon2id" and password is None:
        raise Refused("password_required")
    if kdf == "none" and password is not None:
        raise Refused("password_not_expected")
    commitment = data[len(head) : len(head) + 32]
    if len(commitment) < 32:
        raise Refused("truncated")
    payload_key, expected = file_keys(input_key(key, password), salt, head)
    if not hmac.compare_digest(commitment, expected):
        raise Refused("wrong_key")
    plaintext = open_payload(payload_key, data[len(head) + 32 :])
    return read_paste(plaintext) if kind == "paste" else (context, plaintext)


# -- vectors ----------------------------------------------------------------------------------------------------


def pattern(length):
    return bytes((31 * i + i // 253) % 251 for i in range(length))


def rebuild(vector):
    """A good vector's file, from its parts."""
    key = base64url(vector["key"], 32, "bad_key")
    header = vector["header"].encode()
    head = MAGIC + len(header).to_bytes(4, "big") + header
    salt = read_head(head)[1]
    payload_key, commitment = file_keys(input_key(key, vector.get("password")), salt, head)
    plaintext = vector_content(vector)
    if vector["kind"] == "paste":
        metadata = vector["metadata"].encode()
        used = len(metadata).to_bytes(4, "big") + metadata + plaintext + b"\x80"
        plaintext = used.ljust(padded_length(len(used)), b"\0")
    return head + commitment + seal_payload(payload_key, plaintext)


def vector_content(vector):
    return base64.b64decode(vector["plaintext"]) if "plaintext" in vector else pattern(vector["length"])


def edited(data, edits):
    for edit in edits:
        if edit["op"] == "flip":
            changed = bytearray(data)
            changed[edit["offset"]] ^= 1 << edit["bit"]
            data = bytes(changed)
        elif edit["op"] == "keep":
            data = b"".join(data[start:end] for start, end in edit["ranges"])
        elif edit["op"] == "replace":
            at = edit["offset"]
            data = data[:at] + base64.b64decode(edit["insert"]) + data[at + edit["remove"] :]
        else:
            raise ValueError("unknown edit " + edit["op"])
    return data


def refusal(data, vector):
    try:
        key = base64url(vector["key"], 32, "bad_key")
        open_file(data, vector["kind"], key, vector.get("password"))
    except Refused as refused:
        return str(refused)
    return "opened"


def check_vectors(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    complaints = []
    files = {}

    def expect(name, got, wanted):
        if got != wanted:
            complaints.append(f"{name}: got {got}, wanted {wanted}")

    for vector in vectors["good"]:
        name = vector["id"]
        data = files[name] = rebuild(vector)
        expect(name + " size", len(data), vector["size"])
        expect(name + " sha256", hashlib.sha256(data).hexdigest(), vector["sha256"])
        if "file" in vector:
            expect(name + " file", data == base64.b64decode(vector["file"]), True)
        key = base64url(vector["key"], 32, "bad_key")
        shown = proof(input_key(key, vector.get("password")))
        expect(name + " proof", shown, vector["proof"])
        expect(name + " access hash", hashlib.sha256(shown.encode()).hexdigest(), vector["access_hash"])
        try:
            said, content = open_file(data, vector["kind"], key, vector.get("password"))
        except Refused as refused:
            complaints.append(f"{name}: refused with {refused}")
            continue
        expect(name + " content", content == vector_content(vector), True)
        if vector["kind"] == "paste":
            expect(name + " metadata", said, {k: vector[k] for k in ("name", "mime") if k in vector})

    for vector in vectors["malformed"]:
        data = base64.b64decode(vector["file"]) if "file" in vector else edited(files[vector["base"]], vector["edits"])
        expect(vector["id"], refusal(data, vector), vector["error"])

    bits = 0
    for family in vectors["flipped"]:
        listed = {bit: code for code, listing in family["errors"].items() if listing != "rest" for bit in listing}
        rest = next(code for code, listing in family["errors"].items() if listing == "rest")
        for bit in range(8 * family["length"]):
            edit = {"op": "flip", "offset": family["offset"] + bit // 8, "bit": bit % 8}
            data = edited(files[family["base"]], [edit])
            expect(f"{family['id']} {bit}", refusal(data, family), listed.get(bit, rest))
            bits += 1

    for spelling in vectors["keys"]:
        try:
            base64url(spelling["text"], 32, "bad_key")
            complaints.append(f"key {spelling['text']!r} accepted")
        except Refused as refused:
            expect(f"key {spelling['text']!r}", str(refused), spelling["error"])

    for complaint in complaints:
        print(complaint, file=sys.stderr)
    counts = {"good": len(vectors["good"]), "malformed": len(vectors["malformed"]), "flipped": bits}
    print(json.dumps({**counts, "complaints": len(complaints)}))
    return 1 if complaints else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "vectors":
        return check_vectors(arguments[1])
    if len(arguments) in (3, 4) and arguments[0] == "open" and arguments[1] in ("paste", "chunk"):
        try:
            key = base64url(arguments[2], 32, "bad_key")
            _, content = open_file(sys.stdin.buffer.read(), arguments[1], key, *arguments[3:])
        except Refused as refused:
            print(refused, file=sys.stderr)
            return 1
        sys.stdout.buffer.write(content)
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
