/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report: the frame report.  Every stage of the receiver fills its fields of
 * one frame_report_t; one report is one JSON line and one point of a figure.
 * There is one report per received image, one per frame whose header could
 * not be read, and one per run of frames that never showed up (`count` of them).
 *
 * Not measured is NaN for reals and -1 for the indices that say so; JSON has
 * null for both.  Field names below are the JSON keys; status and rate are texts.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    REPORT_OK = 0,
    REPORT_LOST_HEADER, /* a frame was detected, its header failed the CRC */
    REPORT_LOST_GAP,    /* `count` frames are missing in the frame counter */
    REPORT_DAMAGED,     /* the header was read, the payload is broken or cannot be decoded here */
    REPORT_DROPPED,     /* `count` frames came in, and this receiver was too busy to decode them */
} report_status_t;

typedef struct {
    uint64_t time_ns; /* wall clock at the end of decoding, since 1970 */
    report_status_t status;
    uint32_t count;      /* frames this report stands for: 1; lost_gap, dropped: how many */
    int source;          /* transmitter and receiver id of the header, -1: unknown */
    int destination;
    int64_t frame;       /* frame counter of the header; -1: unknown */
    int image_in_frame;  /* 0, 1, ... for the images that share the frame */
    int64_t image_id;    /* index in the data set; -1: unknown */
    char dataset[32];    /* "cifar10"; "": unknown */
    char codec[32];      /* codec's name; "": unknown */
    int rate_numerator;  /* rate k/n as a fraction, 1/6; 0/0: unknown.  JSON "rate": "1/6" */
    int rate_denominator;
    int64_t adapter_tag; /* which adapters the frame was encoded with; -1: unknown */
    char adapter[32];    /* first 16 digits of the hash of the one it was decoded with; "": none */
    double design_snr_db; /* Es/N0 that the encoder prepared for */
    int width, height;    /* pixels; 0: unknown */
    int64_t symbols;     /* K, complex symbols of this image; 0: unknown */

    double snr_db;           /* measured Es/N0 per data sub-carrier after the FFT */
    double noise_var;        /* N0 per sub-carrier, in sample units squared */
    double cfo_hz;           /* carrier frequency offset */
    double clock_ppm;        /* the signal comes so much slower than this receiver's clock expects */
    double timing_sample;    /* first sample of the frame, in the radio's sample count */
    double evm_db;           /* of the known symbols after equalisation */
    double channel_gain_db;  /* mean |h|^2 over the sub-carriers */
    double delay_spread_ns;  /* rms, estimated */

    double mse;     /* mean squared error per value, of 0..255 values, after 8-bit rounding */
    double psnr_db; /* of this image; 100 when it is identical (mse 0) */
    double ssim;
    int label;      /* true class, -1: unknown */
    int predicted;  /* class that a task codec received, or the judge sees; -1: neither */
    int correct;    /* 1, 0, or -1: unknown */
    double confidence; /* of a task codec in `predicted`, 0 .. 1 */

    double decode_ms;  /* CPU time of codec_decode for this image */
    double latency_ms; /* from the frame's last sample to this report */
} frame_report_t;

/* Everything unknown: status REPORT_OK, count 1, reals NaN, ids -1, texts "". */
void report_init(frame_report_t *report);

/* "ok", "lost_header", "lost_gap", "damaged", "dropped".  Never NULL. */
const char *report_status_name(report_status_t status);

/* Enough room for any report. */
#define REPORT_JSON_SIZE 2048

/*
 * One JSON object on one line, without a newline, NUL-terminated.  Returns its length, or -1
 * when `size` is too small (text is then "").  Allocates nothing.  Values that are not finite
 * become null; bytes of texts that are not valid UTF-8 become "?".
 */
int report_to_json(const frame_report_t *report, char *text, size_t size);

/* Reads such a line back.  Unknown keys are ignored, missing ones stay unknown. */
int report_from_json(const char *text, frame_report_t *report, err_t *err);

#endif
