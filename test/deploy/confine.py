"""Runs a program under the SystemCallFilter= of a unit: confine.py UNIT PROGRAM [ARGUMENT...]

systemd alone knows what its groups of calls hold, so it is asked; libseccomp does the rest, as it does for systemd.
"""
import ctypes
import os
import re
import subprocess
import sys

ALLOW, REFUSE_WITH_EPERM = 0x7FFF0000, 0x00050000 | 1


def calls(group):
    asked = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    found = set()
    for line in (line.strip() for line in asked.stdout.splitlines()[1:]):
        if line and not line.startswith("#"):
            found |= calls(line) if line.startswith("@") else {line}
    return found


with open(sys.argv[1], encoding="utf8") as unit:
    lines = re.findall(r"^SystemCallFilter=(~?)(.*)$", unit.read(), re.MULTILINE)
allowed = set()
for without, words in lines:
    for word in words.split():
        named = calls(word) if word.startswith("@") else {word}
        allowed = allowed - named if without else allowed | named
if not allowed:
    sys.exit("The unit allows no calls.")

seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(REFUSE_WITH_EPERM)))
for name in sorted(allowed | calls("@default")):
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0)
if seccomp.seccomp_load(context) != 0:
    sys.exit("The filter cannot be loaded.")
os.execv(sys.argv[2], sys.argv[2:])
