/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "blas.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void blas_enter(void)
{
    pthread_mutex_lock(&lock);
}

void blas_leave(void)
{
    pthread_mutex_unlock(&lock);
}
