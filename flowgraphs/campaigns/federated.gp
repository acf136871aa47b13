# SPDX-License-Identifier: GPL-3.0-or-later
# NMSE and accuracy against K, antennas, and SNR, out of the CSV files of federated.sh:
#     gnuplot -e "folder='FOLDER'" flowgraphs/campaigns/federated.gp     ->  FOLDER/federated.png
set terminal pngcairo size 1200,800
set output folder."/federated.png"
set datafile separator ","
set multiplot layout 2,2
set grid
set key font ",9"
methods = "mean joint wiener wiener-wide-raw first-k top-k multi"
pick(file, m) = sprintf("< grep ',%s,0,' %s/%s.csv", m, folder, file)
set xlabel "channel uses K (20 dB, mean over 1, 2, 4 antennas, users, seeds)"
set ylabel "NMSE of the raw latents"
set key top right
plot for [m in methods] pick("unlike", m) using 5:10 smooth unique with linespoints title m
set ylabel "accuracy"
set key bottom right
plot for [m in methods] pick("unlike", m) using 5:11 smooth unique with linespoints title m
set xlabel "SNR, dB (K = 4, 4 antennas)"
set ylabel "NMSE of the raw latents"
set key top right
plot for [m in methods] pick("snr", m) using 7:10 smooth unique with linespoints title m
set ylabel "accuracy"
set key bottom right
plot for [m in methods] pick("snr", m) using 7:11 smooth unique with linespoints title m
unset multiplot
