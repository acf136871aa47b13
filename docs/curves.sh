#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The figures of docs/WAVEFORM.md, measured and drawn anew (about six minutes on two cores):
#
#     ./semradio build tests && docs/curves.sh build/release/tests docs/images
#
# COUNT=N: frames or realisations a point (500).
set -euo pipefail
tests=$1 out=$2 count=${COUNT:-500}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
offset=2.877 # 10 log10(256 / 132): Es/N0 over the signal-to-noise ratio in the whole band

# detection MODEL SPREAD FROM TO: "snr found lo hi header lo hi", a line for each dB over the band
detection()
{
    local snr
    for snr in $(seq "$3" "$4"); do
        "$tests/phy_test_detection" "$1" "$(awk -v s="$snr" -v o=$offset 'BEGIN { print s + o }')" \
            "$count" "$2" 2 |
            awk -v snr="$snr" '/found/ { gsub(/[();]/, ""); for (i = 1; i <= NF; i++) {
                if ($i == "=" && ++n == 1) a = $(i + 1) " " $(i + 2) " " $(i + 4);
                else if ($i == "=") b = $(i + 1) " " $(i + 2) " " $(i + 4) }
                print snr, a, b }'
    done
}

# channel PROFILE SPREAD CP: "snr ls dft lmmse bound" in dB
channel()
{
    local snr
    for snr in 0 5 10 15 20 25; do
        "$tests/phy_test_estimator" "$1" "$2" "$3" "$snr" 22 "$count" |
            awk 'NR == 2 { gsub(/\+-/, ""); print $4, $7, $9, $13, $15 }'
    done
}

(detection awgn 0 -17 -7 >"$work/awgn"; detection taps8 0 -14 2 >"$work/taps8") &
detection rayleigh 300 -14 2 >"$work/rayleigh"
wait
channel C 300 18 >"$work/c300" &
channel A 30 18 >"$work/a30"
wait

gnuplot <<TEXT
set terminal pngcairo size 900,520 font "sans,12"
set output "$out/waveform-detection.png.new"
set grid; set key bottom right
set xlabel "signal-to-noise ratio in the whole 7.68 MHz, dB  (Es/N0 is 2.9 dB higher)"
set ylabel "share of frames"
set yrange [0:1.02]; set xrange [-17:2]
set title "Preamble found, header read ($count frames a point, +-2 sub-carriers, 95 % intervals)"
plot "$work/awgn" u 1:2:3:4 w yerrorlines lw 2 lc 1 dt 2 t "AWGN, found", \
     "" u 1:5:6:7 w yerrorlines lw 2 lc 1 t "AWGN, header", \
     "$work/taps8" u 1:2:3:4 w yerrorlines lw 2 lc 2 dt 2 t "8 equal Rayleigh taps, found", \
     "" u 1:5:6:7 w yerrorlines lw 2 lc 2 t "8 taps, header", \
     "$work/rayleigh" u 1:2:3:4 w yerrorlines lw 2 lc 3 dt 2 t "Rayleigh 300 ns, found", \
     "" u 1:5:6:7 w yerrorlines lw 2 lc 3 t "300 ns, header"
set output "$out/waveform-channel.png.new"
unset yrange; set xrange [-0.5:25.5]; set key top right
set xlabel "Es/N0, dB"; set ylabel "mean square error of the channel, dB"
set title "Channel estimate from the 22 known symbols of the head ($count channels a point)"
plot "$work/c300" u 1:2 w lp lw 2 lc 1 t "TDL-C 300 ns: least squares", \
     "" u 1:3 w lp lw 2 lc 2 t "cut to the prefix (DFT)", \
     "" u 1:4 w lp lw 2 lc 3 t "LMMSE, profile found in the frame", \
     "" u 1:5 w l lw 2 lc 0 dt 3 t "bound: LMMSE that knows the profile", \
     "$work/a30" u 1:2 w lp lw 2 lc 1 pt 6 dt 2 t "TDL-A 30 ns: least squares", \
     "" u 1:3 w lp lw 2 lc 2 pt 6 dt 2 t "DFT", "" u 1:4 w lp lw 2 lc 3 pt 6 dt 2 t "LMMSE", \
     "" u 1:5 w l lw 2 lc 0 dt 4 t "bound"
TEXT
for name in waveform-detection waveform-channel; do
    mv "$out/$name.png.new" "$out/$name.png"
done
