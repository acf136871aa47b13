/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * segment_lock: one byte of the segment's file for each that may live: byte 0 is
 * the air's, byte 1 + i the radio's in slot i.  Locks of open file descriptions
 * (fcntl(2)): they fall with the last descriptor, whatever ends the process.
 */
#ifndef RADIO_SEGMENT_LOCK_H
#define RADIO_SEGMENT_LOCK_H

#include "radio/segment.h"

bool segment_lock_take(int fd, int byte);
void segment_lock_drop(int fd, int byte);

/* Held by another.  When the system does not say, they are taken to live. */
bool segment_lock_held(int fd, int byte);

#endif
