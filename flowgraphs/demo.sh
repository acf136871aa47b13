#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# demo.sh BIN [SECONDS]: transmitter, air and receiver as three processes.
#
# Fashion-MNIST, then photos, go over a Rayleigh-fading air while its SNR is
# swept from 0 to 25 dB; SECONDS (default 4) at each.  A live table on standard
# output; afterwards build/demo holds results.csv, figure.png, images.png, the page index.html
# and report.html.  No terminal needed.  `./semradio demo` builds and calls this.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
bin=${1:?usage: demo.sh BIN [SECONDS]}
seconds=${2:-4}
out=$(dirname "$here")/build/demo
air=demo-$$
codec=${SEMRADIO_CODEC:-image32} # a name, or the path of other weights
snrs=(0 5 10 15 20 25)
photo_width=384 photo_height=256
started=$SECONDS

say() { printf 'demo: %s\n' "$*" >&2; }

# Every process that was started is ended, however this script ends.
pids=()
end_all()
{
    local code=$? pid
    trap - EXIT
    for pid in "${pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    exit "$code"
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start NAME COMMAND ...: in the background, its words in a log.  In a session of
# its own: Ctrl-C is this script's to handle.
start()
{
    local name=$1
    shift
    setsid "$@" </dev/null >>"$out/$name.log" 2>&1 &
    pids+=($!)
    last_pid=$!
}

# stop PID: asks it to end, and waits until it has.
stop()
{
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

alive()
{
    local pid
    for pid in "$@"; do
        kill -0 "$pid" 2>/dev/null || {
            say "a process died; the logs are in $out:"
            tail -n 5 "$out"/{air,rx,tx}.log >&2
            exit 1
        }
    done
}

# The photos come large: the middle of each, reduced.  Some Fashion-MNIST
# images go with them, for the page.
make_pictures()
{
    local photo name index
    mkdir -p "$out/sent"
    for photo in /usr/share/backgrounds/{Dragonfly,Bridge,picosdeeuropa,umang,sunset,friends}_by_*.jpg; do
        [ -e "$photo" ] || continue
        name=$(basename "${photo%%_by_*}")
        "$bin/semradio-demo" crop $photo_width $photo_height "$photo" "$out/sent/$name.png"
        printf 'sent/%s.png\n' "$name" >>"$out/list.txt"
        names+=("$name")
    done
    for index in 0 1 2 4 6 8 11 18; do
        name=fashion-$index
        "$bin/semradio-demo" extract fashion-mnist:test $index "$out/sent/$name.png"
        printf 'sent/%s.png\n' "$name" >>"$out/list.txt"
        names+=("$name")
    done
}

# A port of this machine at which nobody listens.
free_port()
{
    local port
    for port in $(seq 8080 8180); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    say "no free port between 8080 and 8180 for the live page"
    exit 1
}

start_rx()
{
    start rx "$bin/semradio-rx" --radio.address="$air" --live.bind="127.0.0.1:$port" --reference.path="$1" \
        --codec.name="$codec" --report.file="$out/$2.jsonl" --rx.overload=wait --rx.buffer_ms=100 --report.table=off "${@:3}"
    rx=$last_pid
}

start_tx()
{
    start tx "$bin/semradio-tx" --radio.address="$air" --source.path="$1" --source.loop=true \
        --codec.name="$codec" --codec.rate=1/6 --report.table=off "${@:2}"
    tx=$last_pid
}

# The air's clock, in samples.
now_of_air()
{
    "$bin/semradio-air" status --air "$air" 2>>"$out/air.log" |
        sed -n 's/.*"now": *\([0-9]*\).*/\1/p'
}

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# Waits for the first report, so that the first SNR has all its seconds.
wait_for_reports()
{
    for _ in $(seq 300); do
        [ "$(size_of "$1")" -gt 0 ] && return
        alive "$air_pid" "$rx" "$tx"
        sleep 0.1
    done
    say "nothing was received in 30 s; the logs are in $out"
    exit 1
}

# The newest received copy of each picture becomes a place on the page.
keep_pictures()
{
    local snr=$1 index frame file
    shift
    "$bin/semradio-demo" list "$@" >"$out/received.txt"
    while read -r index frame; do
        for file in "$out/received/"*"-$(printf '%05d-f%05d' "$index" "$frame")-"*.png; do
            [ ! -e "$file" ] || mv "$file" "$out/pictures/${names[index]}-$snr.png"
        done
    done <"$out/received.txt"
    find "$out/received" -name '*.png' -delete
}

# Where pictures are kept, a step lasts until each of them was received, but
# at most a minute: frames are lost, and machines may be slow.
wait_for_pictures()
{
    local reports=$1 from=$2 since=$3 i got
    for ((i = 2 * seconds; i < 120; i++)); do
        got=$("$bin/semradio-demo" list "$reports" "$from" "$(size_of "$reports")" "$since" |
              cut -d ' ' -f 1 | sort -u | wc -l)
        [ "$got" -lt ${#names[@]} ] || return 0
        sleep 0.5
    done
}

# sweep SOURCE WIDTH: lets the air step through its SNRs while both ends run.
sweep()
{
    local source=$1 width=$2 reports=$out/$1.jsonl snr since part
    wait_for_reports "$reports"
    for snr in "${snrs[@]}"; do
        "$bin/semradio-air" set "channel.snr_db=$snr" --air "$air" 2>>"$out/air.log"
        since=$(now_of_air) # what is under way was sent at the SNR before
        part=$(size_of "$reports")
        sleep "$seconds"
        [ "$width" = 0 ] || wait_for_pictures "$reports" "$part" "$since"
        alive "$air_pid" "$rx" "$tx"
        part="$part $(size_of "$reports") $since"
        # shellcheck disable=SC2086  # three numbers
        "$bin/semradio-demo" step "$reports" $part "$width" "$source" "$snr" "$out/results.csv"
        # shellcheck disable=SC2086
        [ "$width" = 0 ] || keep_pictures "$snr" "$reports" $part
    done
}

list_pictures()
{
    local index snr name
    for name in "${names[@]}"; do
        printf '%s\tsent\t%s\n' "$name" "$out/sent/$name.png"
        for snr in "${snrs[@]}"; do
            printf '%s\t%s dB\t%s\n' "$name" "$snr" "$out/pictures/$name-$snr.png"
        done
    done >"$out/pictures.txt"
}

rm -rf "$out"
mkdir -p "$out/received" "$out/pictures"
names=()
make_pictures

start air "$bin/semradio-air" --air "$air" --air.pace=free --channel.model=rayleigh --channel.snr_db=25
air_pid=$last_pid
port=$(free_port)
say "transmitter, air and receiver run as three processes; Rayleigh fading, rate 1/6, 64-QAM points"
say "watch it: http://127.0.0.1:$port/"
"$bin/semradio-demo" head

start_rx fashion-mnist:test fashion-mnist
start_tx fashion-mnist:test --frame.images=8 --tx.frame_rate=25
sweep fashion-mnist 0
stop "$tx"
stop "$rx"

start_rx "$out/list.txt" photos --output.images_dir="$out/received" --output.limit=0 \
    --output.sent=false
start_tx "$out/list.txt" --frame.images=1 --tx.frame_rate=6
sweep photos $photo_width
stop "$tx"
stop "$rx"
stop "$air_pid"

"$bin/semradio-campaign" figure "$out" 2>"$out/figure.log" || cat "$out/figure.log" >&2
result=$("$bin/semradio-demo" result "$out/results.csv")
list_pictures
"$bin/semradio-demo" page "$out" "semradio: images over the air" "$result"
"$bin/semradio-demo" report "$out" "./semradio demo"
rm -rf "$out/received" "$out/received.txt"
printf '\n%s  (%s s)\nPage: %s\nReport: %s\n' "$result" $((SECONDS - started)) "$out/index.html" \
       "$out/report.html"
