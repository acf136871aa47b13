# SPDX-License-Identifier: GPL-3.0-or-later
# traffic.dat: method units residual half-width; compute.dat: name operations residual half-width.
set terminal pngcairo size 1100,440 font "sans,11"
set output "figure3.png"
set multiplot layout 1,2
set logscale x
set xrange [0.8:130]
set ylabel "residual alignment loss"
set yrange [0:*]
set grid lc rgb "#dddddd"
set key top right
of(name) = "< grep '^".name." ' traffic.dat"
set xlabel "traffic, units of a distilled level 1"
plot of("distil") using 2:3:4 with yerrorlines pt 7 title "distilled levels", \
     of("sparse") using 2:3:4 with yerrorlines pt 5 title "param-align", \
     of("latent") using 2:3:4 with yerrorlines pt 9 title "equal-latent", \
     of("data") using 2:3:4 with yerrorlines pt 11 title "data-adapt", \
     of("all-weights") using 2:3 with points pt 13 title "all weights"
run(name) = "< grep '^".name." ' compute.dat"
set xrange [0.4:10]
set xlabel "training, 10^{12} floating-point operations"
plot run("level-5") using 2:3:4 with yerrorlines pt 7 title "distilled, level 5", \
     run("sparse-5") using 2:3:4 with yerrorlines pt 5 title "param-align, 5 units", \
     run("latent-5") using 2:3:4 with yerrorlines pt 9 title "equal-latent, 5 units", \
     run("data-5") using 2:3:4 with yerrorlines pt 10 title "data-adapt, 5 units", \
     run("data-20") using 2:3:4 with yerrorlines pt 11 title "data-adapt, 20 units"
unset multiplot
