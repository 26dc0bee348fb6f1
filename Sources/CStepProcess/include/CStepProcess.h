#ifndef SLUICE_STEP_PROCESS_H
#define SLUICE_STEP_PROCESS_H

// What a step's process needs and Swift can't say: steps between fork and exec.

#include <sys/types.h>

struct sluice_step_options {
    /// The program's path and its arguments, ended by NULL.
    char *const *arguments;
    char *const *variables;
    /// Files to append to.
    const char *output;
    const char *error;
    /// Becomes descriptor 3; -1 for none.
    int descriptor;
    /// Not 0: descendants whose parents have ended become children of this process, PR_SET_CHILD_SUBREAPER in prctl(2).
    int adopts;
};

/// Starts a program in a session of its own, with an empty standard input, default signals and no other descriptors than
/// those named. Returns 0, or the errno of what failed; then nothing runs.
int sluice_step_spawn(const struct sluice_step_options *options, pid_t *pid);

#endif
