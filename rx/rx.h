/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rx: the receive daemon.  Four stages, joined by bounded rings:
 *
 *     radio    pulls samples                                    1 thread   rx_radio.c
 *       |  blocks
 *     demod    finds frames, hands out soft symbols             1 thread   rx_demod.c
 *       |  frames
 *     decode   codec, quality, judge                            N threads  rx_decode.c
 *       |  results
 *     report   JSON lines, images, table, totals                1 thread   rx_report.c
 *
 * Frames go to the decoders in turn and results are taken in the same turn,
 * so reports come in the order of the air.  Overload is dropped in two places
 * only, always whole and counted: blocks before demod (the receiver sees the
 * gap in the time stamps), frames before decode.  With rx.overload = wait both
 * places wait instead.  Ending runs through the rings from the radio on: each
 * stage empties its ring, then closes the next.
 */
#ifndef RX_RX_H
#define RX_RX_H

#include "codec/codec.h"
#include "control/control_daemon.h"
#include "histogram.h"
#include "images/dataset.h"
#include "lines.h"
#include "live/page.h"
#include "live/view.h"
#include "live.h"
#include "options.h"
#include "quality/judge.h"
#include "radio/radio.h"
#include "radio/recorder.h"
#include "report.h"
#include "ring.h"
#include "rx_swap.h"
#include "sequence.h"
#include "tally.h"
#include "waveform/receiver.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    RX_MAX_WORKERS = 64,
    RX_MAX_REFERENCES = 16,
    RX_BLOCK = 16384,
    RX_RING_FRAMES = 16,
    RX_RING_RESULTS = 4,
    RX_FRAME_IMAGES = 255,
    RX_TABLE_AUTO = 0, /* report.table's choices */
    RX_TABLE_ON,
    RX_TABLE_OFF,
    RX_TABLE_VIEW,
};

extern const option_t rx_options[];

/* From radio to demod. */
typedef struct {
    uint64_t timestamp;
    uint64_t arrival_ns; /* clock_now_ns when the last sample was here */
    size_t count;
    float complex samples[RX_BLOCK];
} rx_block_t;

/* From demod to decode. */
typedef struct {
    uint32_t gap;     /* frames that never came before this one */
    uint32_t dropped; /* frames dropped before this one, because all decoders were busy */
    bool has_frame;   /* false: only the two numbers above (the end of the run) */
    frame_header_t header;
    frame_report_t report; /* the radio's fields; status */
    uint64_t arrival_ns;   /* of the frame's last sample */
    size_t count, room;
    float complex *symbols; /* [count]; grows when a longer frame comes, then stays */
    float *noise_var;
} rx_frame_t;

/* From decode to report. */
typedef struct {
    uint32_t gap, dropped;
    bool has_frame;
    uint64_t arrival_ns;
    int reports_count;
    frame_report_t reports[RX_FRAME_IMAGES];
    int width, height, images; /* of the pixels below; images 0: none */
    uint8_t *received, *sent;  /* [images][height][width][3] */
    size_t room;
    bool has_sent[RX_FRAME_IMAGES];
    bool classified; /* a task codec's: classes instead of pixels */
    int predicted[RX_FRAME_IMAGES];
    float confidence[RX_FRAME_IMAGES];
} rx_result_t;

/* What may change while the daemon runs; each stage has a copy of its own. */
typedef struct {
    int id;
    bool wait_on_overload, stop_when_gone, ssim, images_sent;
    double duration_s;
    uint64_t frame_limit;
    uint64_t images_every, images_limit;
    double rx_gain_db;
    int table; /* report.table; quiet: off */
} rx_settings_t;

/* Who takes settings over: readers of rx->live. */
enum {
    RX_READ_RADIO,
    RX_READ_DEMOD,
    RX_READ_REPORT,
    RX_READ_MAIN,
    RX_READ_DECODE,
    RX_READERS = RX_READ_DECODE + RX_MAX_WORKERS,
};

/* What the report stage shows of itself: readers of rx->totals. */
typedef struct {
    tally_t tally;
    double first_s, last_s; /* when the first and last image came */
    uint64_t lines, lines_lost;
} rx_totals_t;
enum { RX_TOTALS_CONTROL, RX_TOTALS_MAIN, RX_TOTALS_PAGE, RX_TOTALS_READERS };

typedef struct rx rx_t;

typedef struct {
    rx_t *rx;
    int index;
    rx_settings_t settings;
    codec_t *codec;
    judge_t *judges[RX_MAX_REFERENCES]; /* NULL: none */
    image_t reference;
    bool warm; /* has decoded: its networks are made */
    ring_t *frames, *results;
    pthread_t thread;
} rx_decoder_t;

/* Counted by the stages, read by anyone. */
typedef struct {
    _Atomic uint64_t samples, samples_dropped; /* pulled; of these dropped before demod */
    _Atomic uint64_t frames_dropped;           /* before decode */
    _Atomic uint64_t foreign;                  /* frames for another receiver */
    _Atomic uint64_t undecodable;              /* other codec, adapters or size */
    _Atomic uint64_t not_held;                 /* of these: an adapter that is not held here */
    _Atomic uint64_t restarts;                 /* of a transmitter */
    /* Frames decoded with the adapter of the decoder's frame before, and with another one; and the
       decoders' processor time for them, from the look at the tag to the pixels. */
    _Atomic uint64_t kept_frames, kept_ns, swap_frames, swap_ns, swap_most_ns;
    _Atomic uint64_t images_written, images_lost;
} rx_counts_t;

/* Where the reports go.  Owned by the report stage. */
typedef struct {
    lines_t *lines;         /* NULL: nowhere */
    const char *images_dir; /* NULL: nowhere */
    rx_settings_t settings;
    rx_totals_t total;
    tally_t window;  /* since the last row */
    histogram_t latency; /* of each frame, as in its report */
    uint64_t frames; /* ok, for output.every */
    char adapter[9]; /* first digits of the last image's, for the table; "": none */
    bool lines_warned, images_warned;
} rx_output_t;

struct rx {
    /* settings */
    rx_settings_t settings; /* as the daemon started */
    live_t *live;           /* as they are now */
    size_t max_symbols;

    /* parts */
    dataset_t *references[RX_MAX_REFERENCES];
    int reference_count;
    radio_t *radio;
    recorder_t *recorder; /* NULL: nothing is recorded */
    double sample_rate_hz;
    receiver_t *receiver;
    ring_t *blocks;
    rx_decoder_t decoders[RX_MAX_WORKERS];
    int decoder_count;
    rx_output_t output;
    pthread_t radio_thread, demod_thread, report_thread;
    live_t *totals;
    rx_swap_t *swap;                              /* NULL: no adapters */
    control_daemon_t *control;                    /* NULL: no control plane */
    control_reporter_t *reporter, *main_reporter; /* the report stage's, the main thread's */
    rx_totals_t control_totals, main_totals;      /* as those threads saw them last */
    pthread_mutex_t options_lock;                 /* control's and page's threads: the options */
    page_t *page;                                 /* NULL: no live page */
    view_t *view;                                 /* the report stage's, on a terminal */
    control_reporter_t *page_reporter;
    rx_totals_t page_totals;

    /* owned by the demod stage */
    rx_settings_t demod_settings;
    sequence_t sequence;
    const rx_block_t *block; /* being pushed */
    uint64_t turn;           /* frames handed on */
    uint32_t gap, dropped;   /* to tell with the next frame */

    /* state */
    _Atomic bool stopping; /* the radio stops; the rest runs dry */
    _Atomic bool finished; /* the last report is written */
    _Atomic bool failed, failure_taken;
    err_t failure; /* written before `failed`, by one thread */
    rx_counts_t counts;
    uint64_t start_ns;
};

/* rx_create.c.  Opens everything; no thread runs yet.  NULL: err says what is wrong. */
rx_t *rx_create(options_t *options, err_t *err);
void rx_destroy(rx_t *rx);

/* rx_settings.c: from the options; accept is the control plane's (control_settings_t). */
void rx_settings_read(const options_t *options, rx_settings_t *settings);
void rx_settings_log(const options_t *options); /* how much is said: log.level and report.quiet */
int rx_settings_accept(void *context, const options_t *options, err_t *err);

/* rx_control.c: the control plane, when control.bind asks for one. */
int rx_control_open(rx_t *rx, options_t *options, err_t *err);

/* rx_live.c: the live page, when live.bind asks for one; and one result for it to look at. */
int rx_live_open(rx_t *rx, options_t *options, err_t *err);
void rx_live_result(rx_t *rx, const rx_result_t *result);

/* rx_run.c */
int rx_start(rx_t *rx, err_t *err);
void rx_stop(rx_t *rx); /* lets the stages run dry, joins them */
void rx_fail(rx_t *rx, const err_t *why);

/* The stages: context is the rx_t, for rx_decode_run the rx_decoder_t. */
void *rx_radio_run(void *context);
void *rx_demod_run(void *context);
void *rx_decode_run(void *context);
void *rx_report_run(void *context);

/* demod's callback for each frame */
void rx_on_frame(void *context, const received_frame_t *frame);

/* rx_record.c: the recording of what the radio hears, and of what was found in it. */
int rx_record_open(rx_t *rx, const options_t *options, err_t *err);
void rx_record_samples(rx_t *rx, const rx_block_t *block);
void rx_record_frame(rx_t *rx, const received_frame_t *frame);
int rx_record_close(rx_t *rx, err_t *err);

/* rx_images.c: the pictures of one result as PNG files. */
void rx_write_images(rx_t *rx, const rx_result_t *result);

/* rx_status.c: the live row, and the closing totals. */
void rx_status_row(const rx_t *rx, double span_s);
void rx_status_view(const rx_t *rx, double span_s); /* redrawn in place */
void rx_summary_line(const rx_t *rx);
json_t *rx_summary_json(const rx_t *rx, const rx_totals_t *totals);
int rx_summary_file(const rx_t *rx, const char *path, err_t *err);

#endif
