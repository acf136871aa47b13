/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "link.h"

static void check_equal(const frame_header_t *a, const frame_header_t *b)
{
    CHECK_INT(a->source, b->source);
    CHECK_INT(a->destination, b->destination);
    CHECK_INT(a->frame, b->frame);
    CHECK_INT(a->dataset, b->dataset);
    CHECK_INT(a->image_id, b->image_id);
    CHECK_INT(a->images, b->images);
    CHECK_INT(a->codec, b->codec);
    CHECK_INT(a->rate, b->rate);
    CHECK_INT(a->adapter_tag, b->adapter_tag);
    CHECK_INT(a->width, b->width);
    CHECK_INT(a->height, b->height);
    CHECK_INT(a->symbols, b->symbols);
    CHECK_INT(a->flags, b->flags);
}

static frame_header_t extreme(void)
{
    return (frame_header_t){255, 255, 65535, 255, 0xffffffffu, 255, 255, 255,
                            65535, 4095, 4095, 1048575, 15};
}

static void every_field_survives(void)
{
    uint8_t bytes[HEADER_BYTES];
    frame_header_t least = {.images = 1, .rate = 1, .width = 1, .height = 1, .symbols = 1};
    frame_header_t in[] = {link_header(7, 8, 512), extreme(), least};
    for (size_t i = 0; i < 3; i++) {
        frame_header_t out;
        header_pack(&in[i], bytes);
        CU_ASSERT(header_unpack(bytes, &out));
        check_equal(&out, &in[i]);
    }
    CHECK_INT(header_payload(&in[0]), 4096);
}

static void layout_is_fixed(void)
{
    /* Golden: a change here is a new HEADER_VERSION. */
    static const uint8_t golden[HEADER_BYTES - 3] = {
        0x15, 0x01, 0x02, 0x00, 0x07, 0x03, 0x00, 0x00, 0x03, 0xef, 0x08,
        0x04, 0x02, 0xbe, 0xef, 0x02, 0x00, 0x20, 0x00, 0x20, 0x00};
    uint8_t bytes[HEADER_BYTES];
    frame_header_t h = link_header(7, 8, 512);
    header_pack(&h, bytes);
    for (size_t i = 0; i < sizeof(golden); i++) {
        CHECK_INT(bytes[i], golden[i]);
    }
}

static void any_flipped_bit_is_noticed(void)
{
    uint8_t bytes[HEADER_BYTES];
    frame_header_t h = link_header(7, 8, 512), out;
    header_pack(&h, bytes);
    for (int bit = 0; bit < 8 * HEADER_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(header_unpack(bytes, &out));
        CHECK_INT(out.symbols, 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void refuses_fields_that_cannot_be(void)
{
    /* A right CRC does not make a field right. */
    uint8_t bytes[HEADER_BYTES];
    frame_header_t out, wrong = link_header(7, 0, 512);
    header_pack(&wrong, bytes);
    CU_ASSERT_FALSE(header_unpack(bytes, &out));
    err_t err = ERR_INIT;
    CHECK_INT(header_check(&wrong, &err), -1);
    CHECK_ERROR_NAMES(&err, "images");
    wrong = link_header(7, 1, 0);
    CHECK_INT(header_check(&wrong, &err), -1);
    CHECK_ERROR_NAMES(&err, "symbols");
    wrong = link_header(7, 1, 512);
    wrong.width = 4096;
    CHECK_INT(header_check(&wrong, &err), -1);
    CHECK_ERROR_NAMES(&err, "width");
}

static int lost_at(double snr_db, int count)
{
    float complex points[HEADER_SYMBOLS], noise[HEADER_SYMBOLS];
    float soft[HEADER_SOFT_BITS];
    rng_t rng;
    rng_seed(&rng, 11, 0);
    int lost = 0;
    for (int i = 0; i < count; i++) {
        frame_header_t in = link_header((uint16_t)i, 1, 512), out;
        header_encode(&in, points);
        rng_complex_normal(&rng, powf(10.0f, (float)-snr_db / 10.0f), noise, HEADER_SYMBOLS);
        for (int k = 0; k < HEADER_SYMBOLS; k++) {
            soft[2 * k] = crealf(points[k] + noise[k]);
            soft[2 * k + 1] = cimagf(points[k] + noise[k]);
        }
        bool ok = header_decode(soft, &out);
        CU_ASSERT(!ok || out.frame == in.frame);
        lost += !ok;
    }
    return lost;
}

static void survives_noise(void)
{
    CHECK_AT_MOST(lost_at(-4.0, 300), 0);
    CHECK_AT_MOST(lost_at(-5.0, 300), 6);
}

static void points_have_unit_energy(void)
{
    float complex points[HEADER_SYMBOLS], sum = 0.0f;
    frame_header_t zero = {.images = 1, .rate = 1, .width = 1, .height = 1, .symbols = 1};
    header_encode(&zero, points);
    for (int i = 0; i < HEADER_SYMBOLS; i++) {
        CHECK_NEAR(cabsf(points[i]), 1.0, 1e-6);
        sum += points[i];
    }
    CHECK_AT_MOST(cabsf(sum), 0.15 * HEADER_SYMBOLS); /* scrambled: no peak at one point */
}

static void a_faded_half_of_the_band_is_no_loss(void)
{
    float complex points[HEADER_SYMBOLS];
    float soft[HEADER_SOFT_BITS];
    for (int half = 0; half < 2; half++) {
        frame_header_t in = link_header(9, 1, 512), out;
        header_encode(&in, points);
        for (int k = 0; k < HEADER_SYMBOLS; k++) {
            bool faded = k % NUMEROLOGY_DATA / 60 == half;
            soft[2 * k] = faded ? NAN : crealf(points[k]);
            soft[2 * k + 1] = faded ? 0.0f : cimagf(points[k]);
        }
        CU_ASSERT(header_decode(soft, &out));
        check_equal(&out, &in);
    }
}

static void garbage_is_refused(void)
{
    float soft[HEADER_SOFT_BITS];
    frame_header_t out;
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (int i = 0; i < 300; i++) {
        rng_normal(&rng, soft, HEADER_SOFT_BITS);
        CU_ASSERT_FALSE(header_decode(soft, &out));
    }
    const float constants[] = {0.0f, 1.0f, -1.0f, NAN, INFINITY, -INFINITY, 3e38f, 1e-44f};
    for (size_t c = 0; c < sizeof(constants) / sizeof(*constants); c++) {
        for (int k = 0; k < HEADER_SOFT_BITS; k++) {
            soft[k] = constants[c];
        }
        CU_ASSERT_FALSE(header_decode(soft, &out));
    }
}

static const check_test_t tests[] = {
    {"every field survives, least and greatest", every_field_survives},
    {"the bytes are those of version 1", layout_is_fixed},
    {"any flipped bit is noticed", any_flipped_bit_is_noticed},
    {"a field that cannot be is refused", refuses_fields_that_cannot_be},
    {"read at -4 dB always, at -5 dB nearly always", survives_noise},
    {"points have unit energy and no mean", points_have_unit_energy},
    {"losing half the band is no loss", a_faded_half_of_the_band_is_no_loss},
    {"garbage is refused, finite or not", garbage_is_refused},
};

int main(void)
{
    return check_run("header", tests, CHECK_COUNT(tests));
}
