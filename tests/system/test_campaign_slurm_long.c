/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-campaign with launcher=slurm, on a cluster of one node that this test starts
 * for itself: munged, slurmctld and slurmd in a temporary folder, on free ports.
 */
#include "campaign_program.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define POINTS                                                                                     \
    "source=fashion-mnist:test", "codec=digital", "judge=none", "images=8",                        \
        "channel.snr_db=10:4:30", "seed=1,2"

enum { POINT_COUNT = 12, DAEMONS = 3 };

static pid_t daemons[DAEMONS];
static const char *const programs[] = {"munged", "slurmctld", "slurmd", "sbatch", "sinfo"};

static const char *path_of(const char *program)
{
    static const char *const folders[] = {"/usr/sbin", "/usr/bin"};
    static char path[64];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s, (struct sockaddr *)&address, size) != 0 ||
        getsockname(s, (struct sockaddr *)&address, &size) != 0) {
        perror("no free port");
    }
    close(s);
    return ntohs(address.sin_port);
}

static void write_key(void)
{
    FILE *key = fopen(in_base("key"), "wb");
    for (int i = 0; i < 1024; i++) {
        fputc(rand() & 255, key);
    }
    fclose(key);
    chmod(in_base("key"), 0600);
}

static void write_configuration(void)
{
    char host[128];
    gethostname(host, sizeof host);
    host[strcspn(host, ".")] = '\0';
    const char *user = getpwuid(geteuid())->pw_name;
    FILE *out = fopen(in_base("slurm.conf"), "w");
    fprintf(out,
            "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=%d\n"
            "SlurmdPort=%d\nSlurmUser=%s\nSlurmdUser=%s\nAuthType=auth/munge\n"
            "AuthInfo=socket=%s/munge\nCredType=cred/munge\nStateSaveLocation=%s/state\n"
            "SlurmdSpoolDir=%s/spool\nSlurmctldPidFile=%s/ctld.pid\nSlurmdPidFile=%s/slurmd.pid\n"
            "SlurmctldLogFile=%s/ctld.log\nSlurmdLogFile=%s/slurmd.log\n"
            "ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nSwitchType=switch/none\n"
            "MpiDefault=none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n"
            "SchedulerParameters=batch_sched_delay=0,sched_interval=1\nReturnToService=2\n"
            "NodeName=localhost NodeHostname=%s NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n"
            "PartitionName=lab Nodes=localhost Default=YES MaxTime=60 State=UP\n",
            free_port(), free_port(), user, user, base, base, base, base, base, base, base, host);
    fclose(out);
    setenv("SLURM_CONF", in_base("slurm.conf"), 1);
}

static pid_t start_daemon(const char *words[])
{
    pid_t process = fork();
    if (process == 0) {
        setpgid(0, 0);
        int log = open(in_base("daemons.log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execv(path_of(words[0]), (char *const *)words);
        _exit(127);
    }
    return process;
}

static bool node_is_up(void)
{
    for (int i = 0; i < 300; i++) {
        if (system("sinfo -h -o %T 2>/dev/null | grep -q -E 'idle|mixed|alloc'") == 0) {
            return true;
        }
        usleep(100000);
    }
    return false;
}

static bool start_cluster(void)
{
    char words[5][160];
    mkdir(in_base("state"), 0700);
    mkdir(in_base("spool"), 0700);
    write_key();
    write_configuration();
    const char *options[] = {"socket=%s/munge", "key-file=%s/key", "log-file=%s/munge.log",
                             "pid-file=%s/munge.pid", "seed-file=%s/seed"};
    const char *munged[10] = {"munged", "-F", "--force"};
    for (int i = 0; i < 5; i++) {
        char format[64];
        snprintf(format, sizeof format, "--%s", options[i]);
        snprintf(words[i], sizeof words[i], "--%s", options[i]);
        char *place = strstr(words[i], "%s");
        snprintf(place, sizeof words[i] - (size_t)(place - words[i]), "%s%s", base,
                 strstr(format, "%s") + 2);
        munged[3 + i] = words[i];
    }
    daemons[0] = start_daemon(munged);
    usleep(500000);
    daemons[1] = start_daemon((const char *[]){"slurmctld", "-D", NULL});
    usleep(500000);
    daemons[2] = start_daemon((const char *[]){"slurmd", "-D", "-N", "localhost", NULL});
    return node_is_up();
}

static void stop_cluster(void)
{
    for (int i = DAEMONS; i-- > 0;) {
        if (daemons[i] > 0) {
            kill(daemons[i], SIGTERM);
            waitpid(daemons[i], NULL, 0);
        }
    }
}

static void test_same(void)
{
    char out[256];
    say_out(out, sizeof out, "here");
    CHECK_INT(run(POINTS, out, "jobs=1", NULL), 0);
    say_out(out, sizeof out, "slurm");
    CHECK_INT(run(POINTS, out, "jobs=2", "launcher=slurm", "slurm.options=--partition=lab", NULL),
              0);
    check_said("12 points in 12 tasks");
    check_same_results(in_base("here"), in_base("slurm"));
    CHECK_INT(run(POINTS, out, "launcher=slurm", NULL), 0);
    check_said("12 of 12 points are there already");
    CU_ASSERT(strstr(said, "tasks") == NULL);
}

/* The launcher dies, then comes back: its first array is cancelled, the rest is done. */
static void test_killed(void)
{
    char out[256];
    say_out(out, sizeof out, "killed");
    pid_t process = start_in((surroundings_t){0}, POINTS, out, "jobs=2", "launcher=slurm", NULL);
    CU_ASSERT(wait_for_points(process, in_base("killed"), 2));
    kill(process, SIGKILL);
    CHECK_INT(end(process), -SIGKILL);
    CHECK_INT(run(POINTS, out, "jobs=2", "launcher=slurm", NULL), 0);
    check_same_results(in_base("here"), in_base("killed"));
}

static void test_interrupted(void)
{
    char out[256];
    say_out(out, sizeof out, "stopped");
    pid_t process = start_in((surroundings_t){0}, POINTS, out, "jobs=1", "launcher=slurm", NULL);
    CU_ASSERT(wait_for_points(process, in_base("stopped"), 1));
    kill(process, SIGINT);
    CHECK_INT(end(process), 130);
    for (int i = 0; i < 100 && system("test -z \"$(squeue -h)\"") != 0; i++) {
        usleep(100000);
    }
    CHECK_INT(system("test -z \"$(squeue -h)\""), 0);
    CU_ASSERT(count_points(in_base("stopped")) < POINT_COUNT);
}

static void test_failed(void)
{
    char out[256];
    say_out(out, sizeof out, "failed");
    CHECK_INT(run("source=fashion-mnist:test", "codec=digital", "judge=none", "images=8",
                  "frame.images=3,4", "digital.mosaic=1,4", out, "jobs=2", "launcher=slurm", NULL),
              1); /* a mosaic of four in frames of three */
    check_said("1 points failed");
    check_said("FAILED");
    CHECK_INT(count_points(in_base("failed")), 3);
    CHECK_INT(
        run(POINTS, "launcher=slurm", "slurm.options=--partition=nowhere", "out=/dev/null/x", NULL),
        1);
    say_out(out, sizeof out, "nowhere");
    CHECK_INT(run(POINTS, "launcher=slurm", "slurm.options=--partition=nowhere", out, NULL), 1);
    check_said("sbatch refused");
}

static const check_test_t tests[] = {
    {"two workers of Slurm give the results of one process here", test_same},
    {"a launcher that was killed goes on, and its first array is cancelled", test_killed},
    {"Ctrl-C cancels the array", test_interrupted},
    {"what fails in a task, or at sbatch, is told by name", test_failed},
};

int main(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (path_of(programs[i]) == NULL) {
            printf("skipped: %s is not installed (apt-get install slurm-wlm munge)\n", programs[i]);
            return 77;
        }
    }
    strcpy(base, "/tmp/test_campaign.XXXXXX");
    if (mkdtemp(base) == NULL) {
        perror(base);
        return 1;
    }
    int failed = start_cluster() ? check_run("campaign_slurm", tests, CHECK_COUNT(tests)) : 1;
    stop_cluster();
    char command[128];
    snprintf(command, sizeof command, failed ? "echo 'the logs are in %s'" : "rm -rf '%s'", base);
    return system(command) != 0 || failed;
}
