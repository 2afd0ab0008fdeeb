#!/usr/bin/env bash
# Runs the role twice against a Debian made by debootstrap, in a chroot: the second time nothing may change. For root;
# it takes some minutes. There is no systemd in a chroot, so tasks about services are skipped, and said to be.
#
#     deploy/ansible/test.sh EXECUTABLE [CHROOT]
#
# CHROOT is used as it is and kept where it exists; else one is made and removed.
set -euo pipefail
executable=$(realpath "${1:?usage: test.sh EXECUTABLE [CHROOT]}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
chroot=${2:-$work/debian}
trap 'rm -rf --one-file-system "$work"' EXIT
if [ ! -d "$chroot" ]; then
  debootstrap --variant=minbase --include=python3,python3-apt,ca-certificates bookworm "$chroot" http://deb.debian.org/debian
fi
cp -L /etc/resolv.conf "$chroot/etc/resolv.conf"
cat >"$work/inventory.yml" <<INVENTORY
all:
  hosts:
    chroot:
      ansible_connection: community.general.chroot
      ansible_host: $chroot
      ansible_python_interpreter: /usr/bin/python3
      sallyport_executable: $executable
      sallyport_executable_sha256: $(sha256sum "$executable" | cut -d ' ' -f 1)
      sallyport_settings:
        server:
          public_origin: https://vault.example.org
          trusted_proxies: [127.0.0.1]
          metrics_token_file: /etc/sallyport/secrets/metrics-token
        paste:
          max_expiry: 14d
      sallyport_secrets:
        metrics-token: not-a-secret-but-a-test
INVENTORY
cd "$here"
play() { ansible-playbook -i "$work/inventory.yml" site.yml | tee "$work/$1.log"; }
play first
play second
if ! grep -Eq '^chroot .*changed=0 .*unreachable=0 +failed=0' "$work/second.log"; then
  echo 'The second run changed something or failed.' >&2
  exit 1
fi
# What the role left works: the user who runs the server can read and understand the settings.
chroot --userspec=sallyport:sallyport "$chroot" /usr/local/bin/sallyport check-config | grep -E '^SAFE_DATA_DIR = /var/lib/sallyport '
test "$(stat -c %a "$chroot/var/lib/sallyport")" = 700
test "$(stat -c %a "$chroot/etc/sallyport/secrets/metrics-token")" = 640
echo 'ansible: twice, and the second time nothing changed'
