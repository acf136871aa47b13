#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two codecs that were trained apart (two seeds of semantic/recipes/misaligned.conf), and the maps between
# their symbols, learned from pilots through the real waveform and receiver: prints the table of
# docs/ADAPTERS.md in Markdown.  What a run left complete is not done again.
#
#   misaligned.sh WORK TRAIN TEST        # data sets: cifar10:data_batch_1.bin,… cifar10:test_batch.bin
#
# WORK gets weights, logs, pilots, adapters, figures.  SEMRADIO_BIN: folder of the programs (else from the
# PATH).  IMAGES: test pictures for each figure (2000).  EPOCHS: of the training (the recipe's).
set -eu
work=$1 train=$2 test=$3
here=$(cd "$(dirname "$0")" && pwd)
bin=${SEMRADIO_BIN:+$SEMRADIO_BIN/}
images=${IMAGES:-2000}
mkdir -p "$work"

for seed in 1 2; do
    [ -s "$work/seed$seed.safetensors" ] && continue
    echo "== training seed $seed" >&2
    "${bin}semradio-train" codec --config "$here/../../semantic/recipes/misaligned.conf" --train.seed=$seed \
        --data.train="$train" --data.test="$test" --train.out="$work/seed$seed.safetensors" \
        --train.log="$work/seed$seed.log" --train.checkpoint="$work/seed$seed.checkpoint" \
        --train.resume=true ${EPOCHS:+--train.epochs=$EPOCHS} >/dev/null 2>"$work/seed$seed.err" ||
        { cat "$work/seed$seed.err" >&2; exit 1; }
    rm -f "$work/seed$seed.err" "$work/seed$seed.checkpoint"*
done
a=$work/seed1.safetensors b=$work/seed2.safetensors
pilots() { "${bin}semradio-pilots" "$@" --log.level=warn; }

channel() {
    case $1 in
    awgn) echo "--channel.model=awgn --channel.snr_db=20" ;;
    rayleigh) echo "--channel.model=rayleigh --channel.delay_spread_ns=300 --channel.snr_db=20" ;;
    esac
}

# Pilots are pictures of the training set over other noise and fading than the test's.
for where in awgn rayleigh; do
    table=$work/$where.jsonl
    [ -s "$table" ] && continue
    for n in 6 50 500; do
        [ -s "$work/$where-$n.safetensors" ] ||
            pilots write "$work/$where-$n.safetensors" --pilots.tx="$a" --pilots.rx="$b" \
                --pilots.source="$train" --pilots.images=$n --channel.seed=7 $(channel $where)
        for method in linear widely_linear procrustes conv; do
            "${bin}semradio-align" fit "$work/$where-$n.safetensors" --fit.method=$method --fit.channels=16 \
                --fit.out="$work/$where-$n-$method.safetensors" --fit.json >"$work/$where-$n-$method.json"
        done
    done
    {
        pilots measure "$work/$where"-{6,50,500}-{linear,widely_linear,procrustes,conv}.safetensors --pilots.tx="$a" \
            --pilots.rx="$b" --pilots.source="$test" --pilots.images="$images" $(channel $where)
        pilots measure --pilots.tx="$b" --pilots.rx="$b" --pilots.source="$test" \
            --pilots.images="$images" $(channel $where) | sed 's/"none"/"matched"/'
    } >"$table.part"
    mv "$table.part" "$table"
done

# WHERE NAME: "PSNR ± half the 95 % interval"
value() {
    grep -F "\"adapter\":\"$2\"" "$work/$1.jsonl" | head -1 |
        sed 's/.*"psnr_db":\([-0-9.]*\),"ci_db":\([0-9.]*\).*/\1 \2/' |
        awk '{ printf "%.2f ± %.2f", $1, $2 }'
}

echo "| map | pilots | AWGN 20 dB | Rayleigh 300 ns, 20 dB |"
echo "|---|---|---|---|"
echo "| none | | $(value awgn none) | $(value rayleigh none) |"
for method in linear widely_linear procrustes conv; do
    for n in 6 50 500; do
        echo "| $method | $n | $(value awgn "$work/awgn-$n-$method.safetensors") |" \
            "$(value rayleigh "$work/rayleigh-$n-$method.safetensors") |"
    done
done
echo "| the receiver's own codec at both ends | | $(value awgn matched) | $(value rayleigh matched) |"
