/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_uhd_api: libuhd, loaded when the first radio=uhd is opened and not before: it announces
 * itself on the terminal and takes tenths of a second, which nobody wants of `--help`, and a
 * program without a USRP runs without it.
 *
 *     const radio_uhd_api_t *uhd = radio_uhd_api(&err);
 *     uhd->usrp_make(&handle, args);
 */
#ifndef RADIO_RADIO_UHD_API_H
#define RADIO_RADIO_UHD_API_H

#include "err.h"

#include <uhd.h>

#define RADIO_UHD_CALLS(X)                                                                         \
    X(usrp_find)                                                                                   \
    X(usrp_make)                                                                                   \
    X(usrp_free)                                                                                   \
    X(usrp_last_error)                                                                             \
    X(usrp_get_mboard_name)                                                                        \
    X(usrp_get_rx_stream)                                                                          \
    X(usrp_get_tx_stream)                                                                          \
    X(usrp_get_time_now)                                                                           \
    X(usrp_set_time_now)                                                                           \
    X(usrp_set_time_unknown_pps)                                                                   \
    X(usrp_set_time_source)                                                                        \
    X(usrp_set_clock_source)                                                                       \
    X(usrp_get_mboard_sensor)                                                                      \
    X(usrp_get_mboard_sensor_names)                                                                \
    X(usrp_get_rx_num_channels)                                                                    \
    X(usrp_get_tx_num_channels)                                                                    \
    X(usrp_set_rx_rate)                                                                            \
    X(usrp_get_rx_rate)                                                                            \
    X(usrp_set_tx_rate)                                                                            \
    X(usrp_get_tx_rate)                                                                            \
    X(usrp_set_rx_freq)                                                                            \
    X(usrp_get_rx_freq)                                                                            \
    X(usrp_set_tx_freq)                                                                            \
    X(usrp_get_tx_freq)                                                                            \
    X(usrp_set_rx_gain)                                                                            \
    X(usrp_get_rx_gain)                                                                            \
    X(usrp_set_tx_gain)                                                                            \
    X(usrp_get_tx_gain)                                                                            \
    X(usrp_set_rx_antenna)                                                                         \
    X(usrp_get_rx_antenna)                                                                         \
    X(usrp_set_tx_antenna)                                                                         \
    X(usrp_get_tx_antenna)                                                                         \
    X(usrp_set_rx_bandwidth)                                                                       \
    X(usrp_get_rx_bandwidth)                                                                       \
    X(usrp_set_tx_bandwidth)                                                                       \
    X(usrp_get_tx_bandwidth)                                                                       \
    X(usrp_get_rx_sensor)                                                                          \
    X(usrp_get_rx_sensor_names)                                                                    \
    X(usrp_get_tx_sensor)                                                                          \
    X(usrp_get_tx_sensor_names)                                                                    \
    X(rx_streamer_make)                                                                            \
    X(rx_streamer_free)                                                                            \
    X(rx_streamer_recv)                                                                            \
    X(rx_streamer_issue_stream_cmd)                                                                \
    X(rx_streamer_max_num_samps)                                                                   \
    X(tx_streamer_make)                                                                            \
    X(tx_streamer_free)                                                                            \
    X(tx_streamer_send)                                                                            \
    X(tx_streamer_recv_async_msg)                                                                  \
    X(rx_metadata_make)                                                                            \
    X(rx_metadata_free)                                                                            \
    X(rx_metadata_error_code)                                                                      \
    X(rx_metadata_out_of_sequence)                                                                 \
    X(rx_metadata_time_spec)                                                                       \
    X(tx_metadata_make)                                                                            \
    X(tx_metadata_free)                                                                            \
    X(async_metadata_make)                                                                         \
    X(async_metadata_free)                                                                         \
    X(async_metadata_event_code)                                                                   \
    X(async_metadata_time_spec)                                                                    \
    X(sensor_value_make)                                                                           \
    X(sensor_value_free)                                                                           \
    X(sensor_value_to_bool)                                                                        \
    X(string_vector_make)                                                                          \
    X(string_vector_free)                                                                          \
    X(string_vector_at)                                                                            \
    X(string_vector_size)                                                                          \
    X(get_last_error)                                                                              \
    X(set_thread_priority)

#define RADIO_UHD_MEMBER(name) __typeof__(uhd_##name) *name;
typedef struct {
    RADIO_UHD_CALLS(RADIO_UHD_MEMBER)
} radio_uhd_api_t;

/* Whether libuhd will find our send (radio_uhd_send.c): the program must export it. */
bool radio_uhd_send_is_exported(void);

/* NULL with ERR_UNSUPPORTED: no libuhd here, or another version than that of the build. */
const radio_uhd_api_t *radio_uhd_api(err_t *err);

#endif
