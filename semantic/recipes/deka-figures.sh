#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Trains DeKA-g's codec in every way that docs/MODELS.md compares, and prints the tables (figures
# 6, 7, 8 of the paper) in Markdown.  What a run left complete is not done again; one that was
# stopped goes on from its checkpoint.
#
#   deka-figures.sh WORK "photos:FOLDER,…" "files:KODAK"   [more options of semradio-train …]
#
# WORK gets weights, logs, and tables.  SEMRADIO_TRAIN: the program (else from the PATH).
# STAGES: which of "objectives rates snr adapters full spread" (all).
set -eu
work=$1 train=$2 test=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
program=${SEMRADIO_TRAIN:-semradio-train}
stages=${STAGES:-objectives rates snr adapters full spread}
mkdir -p "$work"

# NAME RECIPE POINTS [options]: one run, unless its table is there.
run() {
    local name=$1 recipe=$2 points=$3
    shift 3
    [ -s "$work/$name.table" ] && return 0
    echo "== $name" >&2
    "$program" deka --config "$here/$recipe.conf" --data.train="$train" --data.test="$test" \
        --deka.bank="$work/bank.safetensors" --train.out="$work/$name.safetensors" \
        --train.log="$work/$name.log" --train.checkpoint="$work/$name.checkpoint" --train.resume=true \
        --deka.points="$points" --deka.table="$work/$name.table" "$@" 2>"$work/$name.err" >/dev/null ||
        { cat "$work/$name.err" >&2; exit 1; }
    rm -f "$work/$name.err" "$work/$name.checkpoint"
}

want() { [[ " $stages " == *" $1 "* ]]; }

pretrained=$work/objective-commitment.safetensors
base=$work/base.safetensors

run objective-commitment deka-pretrain objective "$@"
if want objectives; then
    for objective in lmse kl jsccq unquantised; do
        run objective-$objective deka-pretrain objective --deka.objective=$objective "$@"
    done
    # Without any bound the symbols of lmse run away; this keeps them within reach of the points.
    run objective-lmse-bounded deka-pretrain objective --deka.objective=lmse --deka.bound=1.15 "$@"
fi
run rates-variable-alternating deka-rates rates --deka.init="$pretrained" "$@"
# The best of them, trained on: what is shipped and adapted below.
run base deka-rates rates --deka.init="$work/rates-variable-alternating.safetensors" \
    --train.epochs=30 "$@"
if want rates; then
    for pair in variable independent; do
        for order in alternating joint pcgrad; do
            run rates-$pair-$order deka-rates rates --deka.init="$pretrained" --deka.pair=$pair \
                --deka.order=$order "$@"
        done
    done
fi
if want snr; then # the codec as it is now: one step at a rate that moves nothing
    run snr-none deka-rates snr --deka.init="$base" --train.epochs=0.001 --train.peak_lr=1e-7 "$@"
fi
if want adapters; then
    run group-none deka-rates group --deka.init="$base" --train.epochs=0.001 --train.peak_lr=1e-7 "$@"
    for rank in 4 8; do
        run adapter-0-5-rank$rank deka-adapter group --deka.init="$base" --deka.snr_db=0,5 \
            --deka.rank=$rank "$@"
        run adapter-10-15-rank$rank deka-adapter group --deka.init="$base" --deka.snr_db=10,15 \
            --deka.rank=$rank "$@"
    done
fi
if want full; then # all weights: for all SNRs, and, what bounds an adapter, for one group
    run group-full deka-rates group --deka.init="$base" --deka.snr_db=0:5:25 \
        --deka.delay_spread_ns=30,100,300,1000 "$@"
    run full-0-5 deka-adapter group --deka.init="$base" --deka.rank=0 --train.peak_lr=0.001 "$@"
fi
if want spread; then # one adapter for each delay spread, or one for all, at 10 dB
    for spread in 30 100 300 1000; do
        run spread-$spread deka-adapter spread --deka.init="$base" --deka.snr_db=10 \
            --deka.delay_spread_ns=$spread "$@"
    done
    run spread-all deka-adapter spread --deka.init="$base" --deka.snr_db=10 "$@"
fi

# TABLE FILE-FIELD…: value of KEY in the line of FILE that has all the given fields.
value() {
    local file=$1 key=$2
    shift 2
    [ -s "$file" ] || { echo –; return; }
    awk -v key="$key" -v want="$*" '
        BEGIN { n = split(want, field, " ") }
        { ok = 1; for (i = 1; i <= n; i++) if (index(" " $0 " ", " " field[i] " ") == 0) ok = 0
          if (ok) for (i = 1; i <= NF; i++) if (index($i, key "=") == 1) {
              print substr($i, length(key) + 2); exit } }' "$file"
}

# What a run is called in a table.
label() {
    case $1 in
    base) echo "variable, alternating, 3,000 steps more (shipped)" ;;
    rates-*) tr - ' ' <<<"${1#rates-}" | sed 's/ /, /' ;;
    group-none) echo "none (shipped codec)" ;;
    group-full) echo "all weights, all SNRs" ;;
    full-0-5) echo "all weights, 0 and 5 dB" ;;
    adapter-0-5-*) echo "adapter 0 and 5 dB, ${1#adapter-0-5-}" | sed 's/rank/rank /' ;;
    adapter-10-15-*) echo "adapter 10 and 15 dB, ${1#adapter-10-15-}" | sed 's/rank/rank /' ;;
    esac
}

echo "Objectives (figure 6), K = 4096, delay spread 300 ns: latent MSE, PSNR in dB (against the photo)"
echo
echo "| objective | 20 dB | 10 dB |"
echo "|---|---|---|"
for objective in commitment lmse lmse-bounded kl jsccq unquantised; do
    row="| ${objective/-/, }"
    for snr in 20 10; do
        file=$work/objective-$objective.table
        at="channels=4 snr_db=$snr"
        row+=" | $(value "$file" latent_mse $at), $(value "$file" psnr_db $at) ($(value "$file" photo_db $at))"
    done
    echo "$row |"
done
echo
echo "Rates (figure 7a), 20 dB, 300 ns: PSNR in dB, latent MSE"
echo
echo "| training | K = 2048 | 3072 | 4096 | 5120 | 6144 |"
echo "|---|---|---|---|---|---|"
for name in rates-{variable,independent}-{alternating,joint,pcgrad} base; do
    row="| $(label $name)"
    for i in 2 3 4 5 6; do
        file=$work/$name.table
        row+=" | $(value "$file" psnr_db channels=$i), $(value "$file" latent_mse channels=$i)"
    done
    echo "$row |"
done
echo
echo "SNR and rate (figure 7b), 300 ns, no adapter: PSNR in dB (against the photo)"
echo
echo "| K | 0 dB | 5 dB | 10 dB | 15 dB | 20 dB | 25 dB |"
echo "|---|---|---|---|---|---|---|"
for i in 2 3 4 5 6; do
    row="| $((1024 * i))"
    for snr in 0 5 10 15 20 25; do
        at="channels=$i snr_db=$snr"
        row+=" | $(value "$work/snr-none.table" psnr_db $at) ($(value "$work/snr-none.table" photo_db $at))"
    done
    echo "$row |"
done
for spread in 300 0; do
    echo
    echo "Groups of SNR (figure 8a), K = 4096, $([ $spread = 0 ] && echo AWGN || echo "$spread ns"): PSNR in dB, latent MSE"
    echo
    echo "| adaptation | 0 dB | 5 dB | 10 dB | 15 dB | 20 dB | 25 dB |"
    echo "|---|---|---|---|---|---|---|"
    for name in group-none group-full full-0-5 adapter-0-5-rank4 adapter-0-5-rank8 adapter-10-15-rank4 \
        adapter-10-15-rank8; do
        row="| $(label $name)"
        for snr in 0 5 10 15 20 25; do
            at="channels=4 snr_db=$snr delay_spread_ns=$spread"
            row+=" | $(value "$work/$name.table" psnr_db $at), $(value "$work/$name.table" latent_mse $at)"
        done
        echo "$row |"
    done
done
echo
echo "Delay spreads (figure 8b), K = 4096, 10 dB, rank 8: quartiles of PSNR in dB"
echo
echo "| adapter | 30 ns | 100 ns | 300 ns | 1000 ns |"
echo "|---|---|---|---|---|"
for kind in each all; do
    row="| $([ $kind = all ] && echo "one for all" || echo "one for each")"
    for spread in 30 100 300 1000; do
        file=$work/spread-$([ $kind = all ] && echo all || echo $spread).table
        at="delay_spread_ns=$spread"
        row+=" | $(value "$file" q1 $at) $(value "$file" median $at) $(value "$file" q3 $at)"
    done
    echo "$row |"
done
