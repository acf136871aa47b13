#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# check_package.sh [DEB]: builds the Debian package, or takes DEB, and checks it: lintian (where it
# is installed) finds no error; unpacked into an empty folder, with these sources out of sight
# (bubblewrap, where it works), its programs make a link over the emulated air and images arrive.
# Exit code 77: not a Debian system.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
command -v dpkg-deb >/dev/null || exit 77
deb=${1:-$("$root/semradio" package | tail -n 1)}
[ -s "$deb" ] || { echo "there is no package $deb" >&2; exit 1; }

if command -v lintian >/dev/null; then
    lintian --fail-on error --allow-root "$deb"
else
    echo "(no lintian here: not asked)" >&2
fi

folder=$(mktemp -d /tmp/semradio-package-XXXXXX)
pids=()
cleanup()
{
    local pid
    for pid in "${pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT
dpkg-deb -x "$deb" "$folder"
hidden=()
if command -v bwrap >/dev/null && bwrap --dev-bind / / --tmpfs "$root" true 2>/dev/null; then
    hidden=(bwrap --dev-bind / / --tmpfs "$root" --die-with-parent --)
else
    echo "(no bubblewrap here: the sources are in sight)" >&2
fi
cd "$folder"
bin=$folder/usr/bin air=package-$$
images=fashion-mnist:test
"${hidden[@]}" "$bin/semradio-air" --air "$air" --air.pace=free --channel.snr_db=20 2>air.log &
pids+=($!)
"${hidden[@]}" "$bin/semradio-rx" --radio.address="$air" --radio.timeout_s=60 --reference.path=$images \
    --rx.overload=wait --rx.frames=5 --summary=rx.json 2>rx.log &
receiver=$!
"${hidden[@]}" "$bin/semradio-tx" $images --radio.address="$air" --radio.timeout_s=60 2>tx.log &
pids+=($!)
wait "$receiver" || { cat rx.log >&2; exit 1; }
frames=$(sed -n 's/.*"frames_ok": \([0-9]*\).*/\1/p' rx.json)
images=$(sed -n 's/.*"images": \([0-9]*\).*/\1/p' rx.json)
printf '%s: %s frames, %s images received\n' "$(basename "$deb")" "$frames" "$images"
[ "$frames" = 5 ]
