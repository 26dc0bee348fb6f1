#ifndef SLUICE_BECOME_H
#define SLUICE_BECOME_H

#include "CFunctionProcess.h"

/// Turns the calling process, fresh from a fork, into the program; returns only where that failed, with errno. `parent` is
/// what getppid() answers while the parent lives.
int sluice_become(const struct sluice_spawn_options *options, pid_t parent);

#endif
