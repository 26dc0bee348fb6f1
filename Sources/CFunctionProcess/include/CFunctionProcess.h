#ifndef SLUICE_FUNCTION_PROCESS_H
#define SLUICE_FUNCTION_PROCESS_H

// What a function's process needs and Swift can't say: steps between fork and exec, and descriptors that are
// closed on exec from the first moment on.

#include <stdint.h>
#include <sys/types.h>

struct sluice_spawn_options {
    /// A path, or a bare name to be looked up in PATH.
    const char *program;
    char *const *arguments;
    char *const *variables;
    /// The working folder.
    const char *folder;
    /// The standard input; -1 for /dev/null.
    int input;
    /// The standard output and error; -1 for /dev/null.
    int output;
    /// A session of its own where not 0, else a process group of its own.
    int new_session;
    /// A signal that the kernel sends when the thread that started it ends; 0 for none.
    int death_signal;
    /// Bytes of private writable memory; 0 for no limit.
    uint64_t data_limit;
    /// Descriptors; 0 for no limit.
    uint64_t file_limit;
};

/// Starts a process with no other descriptors than 0, 1 and 2, and default signals. Returns 0, or the errno of what failed.
int sluice_spawn(const struct sluice_spawn_options *options, pid_t *pid);

/// pipe2 with O_CLOEXEC; the reading end does not block where `nonblocking` is not 0. Returns 0, or errno.
int sluice_pipe(int ends[2], int nonblocking);

/// accept4 with SOCK_CLOEXEC and SOCK_NONBLOCK. Returns the descriptor, or -1; the client's port goes to `port`.
int sluice_accept(int listener, uint16_t *port);

/// The inode of a client's socket by the two ports of its connection on 127.0.0.1, asked of the kernel alone; 0 where
/// there is none, or the kernel does not answer such questions.
uint64_t sluice_client_inode(uint16_t client, uint16_t server);

#endif
