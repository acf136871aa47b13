/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep: the grammar of a campaign, `key=value` words with lists and ranges.
 *
 *     codec.rate=1/12,1/6        a list: two values
 *     channel.snr_db=0:5:20      a range start:step:stop, both ends included: 0 5 10 15 20
 *     channel.snr_db=-5,0:10:20  both: -5 0 10 20
 *
 * Keys are those of an option table (options.h), which also checks each
 * value.  Every key is an axis; the axes are crossed.  The first key written
 * varies slowest, the last one fastest.  Values are kept in one spelling
 * (sweep_spell), so that 5, 5.0 and 0.5e1 are the same point.
 *
 * Axes that are zipped (sweep_settle) go together instead: their first values make
 * the first point, their second ones the second, and so on.  As one axis, in the
 * place of the first of them, they are crossed with the others.
 *
 * Words come in layers: a file first, then the command line.  A later layer
 * replaces a key of an earlier one in place; the same key twice in one layer
 * is an error, because one of the two was a slip.
 */
#ifndef FLOWGRAPHS_SWEEP_H
#define FLOWGRAPHS_SWEEP_H

#include "err.h"
#include "options.h"

#include <stddef.h>

#define SWEEP_MOST_POINTS   100000 /* all axes crossed */
#define SWEEP_SPELLING_SIZE 64     /* bytes of a number's spelling */

typedef struct sweep sweep_t;

typedef struct {
    const char *key;           /* in full: "channel.snr_db" */
    const char *const *values; /* [count], at least one */
    size_t count;
    const char *origin; /* where it was written, for messages: "FILE line 3" */
} sweep_axis_t;

/*
 * `options` checks the values (and changes while it does so); it must outlive
 * the sweep.  A key without a section is first looked for in section `home`.
 * `whole` lists keys (in full) that take one value, commas included (the names
 * of files); ended by NULL.  NULL when memory is short.
 */
sweep_t *sweep_create(options_t *options, const char *home, const char *const whole[]);
void sweep_destroy(sweep_t *sweep);

/*
 * Adds one word `key=value`.  `origin` is named in messages.  Errors: no '=',
 * an unknown key, a value that its option refuses, a range whose step is zero
 * or leads away from its end, a key given twice.
 */
int sweep_add(sweep_t *sweep, const char *word, const char *origin, err_t *err);

/*
 * Adds the words of a file, one `key = value` per line; blanks around them
 * are dropped, '#' or ';' starts a comment at the start of a line or after a
 * blank, and a line `[section]` puts "section." before the keys that follow.
 * A last line without its end of line is an error: such a file was cut.
 */
int sweep_load(sweep_t *sweep, const char *path, err_t *err);

/* Starts a new layer: words added from here on replace earlier ones. */
void sweep_next_layer(sweep_t *sweep);

/*
 * After the last word.  `zip` names the axes that go together, "" none: keys joined by '+',
 * one group after another with commas: "channel.model+channel.delay_spread_ns,codec.rate+snr_db".
 * Errors: a key that is unknown, was not given or is in two groups; axes of one group with
 * different numbers of values; the same value, or the same values of a group, twice.
 */
int sweep_settle(sweep_t *sweep, const char *zip, err_t *err);

/* The number of axes, and axis `index` < sweep_axes.  Valid until the next change. */
size_t sweep_axes(const sweep_t *sweep);
sweep_axis_t sweep_axis(const sweep_t *sweep, size_t index);

/* The axis of that key (in full), or -1. */
int sweep_find(const sweep_t *sweep, const char *key);

/* The number of points: the product of the axes' counts, zipped ones counted once, 1 without axes; 0: above the most. */
size_t sweep_points(const sweep_t *sweep);

/* The value of axis `axis` at point `point` < sweep_points. */
const char *sweep_value(const sweep_t *sweep, size_t point, size_t axis);

/*
 * The one spelling of an option's present value: numbers as short as they are
 * exact ("0.5", "1/6", "yes"), texts as they are.  `text` is used where the
 * spelling is not the text itself.
 */
const char *sweep_spell(const options_t *options, const char *key, char text[SWEEP_SPELLING_SIZE]);

#endif
