/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JPEG through libturbojpeg; a warning (a truncated or damaged file) is an error here. */
#include "images/image_format.h"

#include <turbojpeg.h>

static int decode(tjhandle decoder, const uint8_t *bytes, size_t size, const char *name,
                  image_t *image, err_t *err)
{
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(decoder, bytes, (unsigned long)size, &width, &height, &subsampling,
                            &colours) < 0) {
        return err_set(err, ERR_FORMAT, "%s: damaged JPEG: %s", name, tjGetErrorStr2(decoder));
    }
    if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
        return err_set(err, ERR_UNSUPPORTED, "%s: a CMYK JPEG; convert it to RGB", name);
    }
    if (image_resize(image, width, height, err) < 0) {
        return err_prefix(err, "%s", name);
    }
    int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    if (tjDecompress2(decoder, bytes, (unsigned long)size, image->rgb, width, 0, height, TJPF_RGB,
                      flags) < 0) {
        return err_set(err, ERR_FORMAT, "%s: damaged JPEG: %s", name, tjGetErrorStr2(decoder));
    }
    return 0;
}

int image_decode_jpeg(const uint8_t *bytes, size_t size, const char *name, image_t *image,
                      err_t *err)
{
    tjhandle decoder = tjInitDecompress();
    if (decoder == NULL) {
        return err_set(err, ERR_MEMORY, "%s: libturbojpeg did not start", name);
    }
    int status = decode(decoder, bytes, size, name, image, err);
    tjDestroy(decoder);
    return status;
}
