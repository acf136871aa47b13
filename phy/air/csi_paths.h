/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * csi_paths: one packet's measured channel as the gains of paths at fixed delays.
 *
 * A Wi-Fi card starts each packet at a time of its own, so the packet's mean delay is
 * set to 0.  Its size is the received power that the card reports (steps of 1 dB).
 * The 30 carriers become the gains of paths 50 ns apart, by regularised least squares.
 */
#ifndef AIR_CSI_PATHS_H
#define AIR_CSI_PATHS_H

#include "air/csi_file.h"

enum { CSI_PATHS = 21 };

typedef struct {
    float re[CSI_PATHS], im[CSI_PATHS];
} csi_gains_t;

typedef double complex csi_solver_t[CSI_PATHS][CSI_FILE_CARRIERS];

/* Delay of path p against the mean one: -250 … 750 ns. */
double csi_paths_delay_ns(size_t p);

/* The matrix for channels of 20 or (`wide`) 40 MHz. */
void csi_paths_prepare(bool wide, csi_solver_t solver);

/* False when the packet has no such pair of antennas, or no power. */
bool csi_paths_read(const csi_packet_t *packet, int rx, int tx, csi_solver_t solver,
                    csi_gains_t *gains);

/* Power of the paths together at a frequency. */
double csi_paths_power(const csi_gains_t *gains, double f_hz);

/* Turns `gains` to the phase that is most like `other`'s. */
void csi_paths_align(csi_gains_t *gains, const csi_gains_t *other);

#endif
