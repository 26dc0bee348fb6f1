#define _GNU_SOURCE
#include "CStepProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_from(int first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    for (long descriptor = first; descriptor < most; descriptor++) close((int)descriptor);
}

// A descriptor that already has a standard number would be lost under the other one.
static int above(int descriptor) { return descriptor < 0 || descriptor > 3 ? descriptor : fcntl(descriptor, F_DUPFD, 4); }

// Runs in the child, which shares the parent's memory until it has called exec: only plain system calls.
static int become(const struct sluice_step_options *options) {
    if (setsid() < 0) return errno;
    int kept = above(options->descriptor);
    int input = above(open("/dev/null", O_RDONLY));
    int output = above(open(options->output, O_WRONLY | O_CREAT | O_APPEND, 0644));
    if (output < 0) return errno;
    int error = above(open(options->error, O_WRONLY | O_CREAT | O_APPEND, 0644));
    if (input < 0 || error < 0 || (options->descriptor >= 0 && kept < 0)) return errno;
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0) return errno;
    if (kept >= 0 && dup2(kept, 3) < 0) return errno;
    close_from(kept >= 0 ? 4 : 3);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    // Forks don't inherit it, exec keeps it.
    if (options->adopts) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(options->arguments[0], options->arguments, options->variables);
    return errno;
}

int sluice_step_spawn(const struct sluice_step_options *options, pid_t *pid) {
    // No handler of the host may run in the child while both share one memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    volatile int failure = 0;
    pid_t started = vfork();
    if (started == 0) {
        failure = become(options);
        _exit(127);
    }
    int code = started < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started > 0 && code != 0) {
        while (waitpid(started, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *pid = started;
    return code;
}
