/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

void gnuplot_quote(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputc('\'', out);
        }
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void gnuplot_main(const char *folder, const char *script)
{
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    if (chdir(folder) == 0) {
        execlp("gnuplot", "gnuplot", script, (char *)NULL);
    }
    _exit(errno == ENOENT ? 127 : 126);
}

int gnuplot_run(const char *folder, const char *script, err_t *err)
{
    fflush(NULL);
    pid_t process = fork();
    if (process < 0) {
        return err_set_errno(err, errno, "cannot start gnuplot");
    }
    if (process == 0) {
        gnuplot_main(folder, script);
    }
    int status;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_set_errno(err, errno, "cannot wait for gnuplot");
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return err_set(
            err, ERR_UNSUPPORTED,
            "gnuplot is not installed (apt install gnuplot-nox): %s/%s is not drawn, but the "
            "numbers are there",
            folder, script);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, ERR_IO, "gnuplot could not draw %s/%s", folder, script);
    }
    return 0;
}
