#!/usr/bin/env bash
# Does what docs/deployment.md tells a newcomer to do on a small VPS, in a clean Debian 13 made by debootstrap, with the
# page's own words. There is no systemd in a chroot: the server is started as the unit would start it, by hand, and
# Caddy is asked whether it takes its file. For root; it takes some minutes.
#
#     deploy/walk.sh EXECUTABLE [CHROOT]
#
# CHROOT is used as it is and kept where it exists; else one is made and removed.
set -euo pipefail
executable=$(realpath "${1:?usage: walk.sh EXECUTABLE [CHROOT]}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
chroot=${2:-$work/debian}
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount "$chroot/proc" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
if [ ! -d "$chroot" ]; then
  debootstrap --variant=minbase trixie "$chroot" http://deb.debian.org/debian
fi
cp -L /etc/resolv.conf "$chroot/etc/resolv.conf"
mount -t proc proc "$chroot/proc"

block() {
  sed -n "/<!-- walk-$1:begin -->/,/<!-- walk-$1:end -->/p" "$here/../docs/deployment.md" | grep -v '^<!--\|^```'
}
inside() {
  chroot "$chroot" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    DEBIAN_FRONTEND=noninteractive sh -euxc "cd /root; $1"
}

cp "$executable" "$chroot/root/sallyport"
cp "$here/systemd/sallyport.service" "$chroot/root/"
mkdir -p "$chroot/etc/systemd/system"
inside "$(block install)"
inside "$(block settings)"

# What the unit does: its user and its folder.
install -d -m 700 "$chroot/var/lib/sallyport"
inside 'chown sallyport:sallyport /var/lib/sallyport'
chroot --userspec=sallyport:sallyport "$chroot" env -i PATH=/usr/local/bin:/usr/bin:/bin NODE_ENV=production \
  sh -c 'cd /var/lib/sallyport; exec sallyport serve' >"$work/log" 2>"$work/said" &
server=$!
for _ in $(seq 120); do
  if inside 'sallyport status' 2>/dev/null; then
    up=yes
    break
  fi
  sleep 0.5
done
[ "${up:-no}" = yes ] || { cat "$work/said"; exit 1; }
link=$(curl -fsS -H 'Accept: text/plain' --data-binary hello http://127.0.0.1:8080/)
[ "$(curl -fsS "http://127.0.0.1:8080/${link##*/}/raw")" = hello ]
case "$link" in https://vault.example.org/*) ;; *) echo "A link begins otherwise: $link" >&2; exit 1 ;; esac
curl -fsS http://127.0.0.1:8081/admin | grep -q 'ootstrap'
inside 'test -s /var/lib/sallyport/bootstrap-secret'
inside "$(block proxy)"
inside 'sallyport doctor --quiet'
kill "$server"
wait "$server"
server=
echo 'walk: the page works as it stands'
