#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# hub.adapt=auto over an SNR that ramps from 0 to 25 dB and back, through the real daemons and an emulated
# AWGN air: prints mean PSNR in bins of 5 dB beside every fixed choice, in Markdown (docs/ADAPTERS.md).
# Exit code 1 when auto is more than TOLERANCE dB (0.1) below the best fixed choice in some bin.
#
#   ladder.sh WORK CODEC SOURCE         # CODEC: image32 (design SNRs) or deka (adapters of SNR groups)
#
# WORK gets reports and logs.  SEMRADIO_BIN: folder of the programs (else from the PATH).  PICTURES: how many
# different ones (64); each is sent ROUNDS times (2) at every STEP dB (1) of the ramp, IMAGES to a frame (8).
# STILL: least seconds at a step (0.4).  CHOICES: only these of the fixed ones.
set -eu
work=$1 codec=$2 source=$3
here=$(cd "$(dirname "$0")" && pwd)
bin=${SEMRADIO_BIN:+$SEMRADIO_BIN/}
pictures=${PICTURES:-64} rounds=${ROUNDS:-2} step=${STEP:-1} images=${IMAGES:-8} still=${STILL:-0.4}
mkdir -p "$work"
work=$(cd "$work" && pwd)
models=$here/../../semantic/models

case $codec in
image32)
    choices=${CHOICES:-"base@0 base@5 base@10 base@15 base@20 base@25"}
    ladder=base@0,2.5,base@5,7.5,base@10,12.5,base@15,17.5,base@20,22.5,base@25
    ;;
deka)
    choices=${CHOICES:-"snr0-5 snr10-15 base"}
    ladder=snr0-5,4,snr10-15,9,base
    ;;
*)
    echo "CODEC is image32 or deka" >&2
    exit 2
    ;;
esac

pids=()
stop() {
    [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    pids=()
}
trap stop EXIT

# NAME WORDS…: a daemon, once its log says that it listens.
daemon() {
    local name=$1
    shift
    "$@" >/dev/null 2>"$work/$name.log" &
    pids+=($!)
    for ((i = 0; i < 600; i++)); do
        grep -q "control at\|hub at" "$work/$name.log" && return
        sleep 0.05
    done
    cat "$work/$name.log" >&2
    exit 1
}
hub() { "${bin}semradio-align" --connect="ipc://$work/hub.ipc" --timeout=30 "$@" >/dev/null; }
air() { "${bin}semradio-align" --connect="ipc://$work/air.ipc" --timeout=30 "$@" >/dev/null; }
frames() {
    "${bin}semradio-align" --connect="ipc://$work/rx.ipc" --timeout=30 --json status |
        sed 's/.*"frames_ok":\([0-9]*\).*/\1/'
}

start() {
    local name=ladder$$
    rm -rf "$work"/{hub,rx,tx}-store
    daemon air "${bin}semradio-air" --air $name --pace=free --radios=2 --channel.model=awgn --channel.snr_db=0 \
        --control.bind="ipc://$work/air.ipc"
    daemon rx "${bin}semradio-rx" --args=$name --codec.name="$codec" --reference.path="$source" --quality.ssim=false \
        --quality.judge=none --rx.overload=wait --codec.threads=1 --report.file="$work/$1.jsonl" \
        --control.bind="ipc://$work/rx.ipc" --control.store="$work/rx-store"
    daemon tx "${bin}semradio-tx" "$source" --args=$name --codec.name="$codec" --source.count="$pictures" \
        --frame.images="$images" ${RATE:+--codec.rate=$RATE} --control.bind="ipc://$work/tx.ipc" \
        --control.store="$work/tx-store" --swap.linger_s=0.5 --swap.lease_s=5
    daemon hub "${bin}semradio-align" hub --hub.bind="ipc://$work/hub.ipc" --hub.tx="ipc://$work/tx.ipc" \
        --hub.rx="ipc://$work/rx.ipc" --hub.store="$work/hub-store" --hub.hysteresis_db=0.5 --hub.dwell_s=0.2 \
        --hub.smooth_s=0.1
    if [ "$codec" = deka ]; then
        hub put "$models/deka-snr0-5-rank8.safetensors" snr0-5
        hub put "$models/deka-snr10-15-rank8.safetensors" snr10-15
    fi
}

# What is fixed: NAME@DESIGN or NAME.
fix() {
    [ "${1%@*}" = base ] || hub arm "${1%@*}"
    [ "${1#*@}" = "$1" ] || hub --to=tx set codec.design_snr_db="${1#*@}"
}

# NAME: one ramp; NAME is a fixed choice, or auto.
ramp() {
    local per_step=$(((pictures + images - 1) / images * rounds)) snr begin now
    start "$1"
    if [ "$1" = auto ]; then
        hub set hub.ladder="$ladder" hub.adapt=auto
    else
        fix "$1"
    fi
    sleep 1
    wc -l <"$work/$1.jsonl" >"$work/$1.skip"
    for snr in $(awk -v s="$step" 'BEGIN { for (x = 0; x < 25; x += s) print x; for (; x >= 0; x -= s) print x }'); do
        air set channel.snr_db="$snr"
        begin=$(frames) now=0
        sleep "$still"
        while [ $((now - begin)) -lt "$per_step" ]; do
            now=$(frames)
            [ $((now - begin)) -ge "$per_step" ] || sleep 0.05
        done
    done
    grep -c "adapt: " "$work/hub.log" >"$work/$1.changes" || true
    stop
}

# NAME: "BIN PSNR COUNT" lines.  Each picture counts alike at each step, each step alike in its bin.
bins() {
    awk -v skip="$(cat "$work/$1.skip")" -v step="$step" '
        function number(key,    at, text) {
            at = index($0, "\"" key "\":")
            text = substr($0, at + length(key) + 3)
            return at > 0 ? text + 0 : -1000
        }
        NR > skip && /"status":"ok"/ {
            at = int((number("snr_db") + 500) / step + 0.5) - int(500 / step + 0.5)
            if (at < 0 || at * step > 25) next
            key = at SUBSEP number("image_id")
            sum[key] += number("psnr_db"); count[key]++
        }
        END {
            for (key in sum) { split(key, part, SUBSEP); at = part[1]
                total[at] += sum[key] / count[key]; n[at]++; all[at] += count[key] }
            for (at in total) { bin = 5 * int((at * step + 2.49) / 5)
                mean[bin] += total[at] / n[at]; steps[bin]++; pictures[bin] += all[at] }
            for (bin in mean) printf "%d %.3f %d\n", bin, mean[bin] / steps[bin], pictures[bin]
        }' "$work/$1.jsonl"
}

for choice in auto $choices; do
    [ -s "$work/$choice.bins" ] && continue
    echo "== $choice" >&2
    ramp "$choice"
    bins "$choice" >"$work/$choice.bins"
    [ -n "${KEEP:-}" ] || rm -f "$work/$choice.jsonl"
done

value() { awk -v bin="$2" '$1 == bin { printf "%.2f", $2 }' "$work/$1.bins"; }
echo "| | 0 dB | 5 dB | 10 dB | 15 dB | 20 dB | 25 dB |"
echo "|---|---|---|---|---|---|---|"
for choice in $choices auto; do
    row="| $choice"
    for bin in 0 5 10 15 20 25; do
        row+=" | $(value "$choice" $bin)"
    done
    echo "$row |"
done
row="| auto less the best fixed" short=no
for bin in 0 5 10 15 20 25; do
    best=$(for choice in $choices; do value "$choice" $bin; echo; done | sort -g | tail -1)
    less=$(awk -v a="$(value auto $bin)" -v b="$best" 'BEGIN { printf "%+.2f", a - b }')
    row+=" | $less"
    if awk -v less="$less" -v most="${TOLERANCE:-0.1}" 'BEGIN { exit !(less < -most) }'; then
        short=yes
    fi
done
echo "$row |"
echo
echo "Pictures in a bin: $(awk '{ print $3 }' "$work/auto.bins" | sort -n | sed -n '1p;$p' | tr '\n' ' ' |
    sed 's/ $//; s/ / … /'); changes by auto: $(cat "$work/auto.changes")."
[ $short = no ]
