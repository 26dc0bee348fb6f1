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
    /// A signal that the kernel sends when the thread that started it ends; 0 for none.
    int death_signal;
    /// Bytes of private writable memory; 0 for no limit.
    uint64_t data_limit;
    /// Descriptors; 0 for no limit.
    uint64_t file_limit;
    /// Processes and threads; 0 for no limit. Kept by the kernel only in a process namespace, see `sluice_spawn_isolated`.
    uint64_t process_limit;
    /// Not 0: of root's capabilities only those over files are kept, and exec gives no others back.
    int drops_capabilities;
    /// Not 0: its children that end are forgotten at once, none stays a zombie.
    int reaps;
    /// Not 0: it has a user namespace of its own.
    int own_user;
    /// A folder that is read-only for it in a mount namespace; NULL for none.
    const char *read_only;
    /// Bytes of a `/dev/shm` of its own in a mount namespace; 0 for the machine's.
    uint64_t shared_memory;
};

/// Starts a process in a session of its own with no other descriptors than 0, 1 and 2, and default signals. Returns 0, or
/// the errno of what failed.
int sluice_spawn(const struct sluice_spawn_options *options, pid_t *pid);

/// Starts a process like `sluice_spawn`, in namespaces of its own for processes, mounts and System V objects; for a user
/// other than root also for users. `keeper` is the first process there, a `sleep` that adopts orphans: its end is the end of
/// all the others, at once. Both are children of the calling process, which has to wait for both.
///
/// Returns 0, the errno of what failed, or -errno where the namespaces are not to be had; nothing is left running then.
int sluice_spawn_isolated(const struct sluice_spawn_options *options, pid_t *pid, pid_t *keeper);

/// pipe2 with O_CLOEXEC; the reading end does not block where `nonblocking` is not 0. Returns 0, or errno.
int sluice_pipe(int ends[2], int nonblocking);

/// accept4 with SOCK_CLOEXEC and SOCK_NONBLOCK. Returns the descriptor, or -1; the client's port goes to `port`.
int sluice_accept(int listener, uint16_t *port);

/// The inode of a client's socket by the two ports of its connection on 127.0.0.1, asked of the kernel alone; 0 where
/// there is none, or the kernel does not answer such questions.
uint64_t sluice_client_inode(uint16_t client, uint16_t server);

/// The device number of the files that memfd_create(2) makes; 0 where it makes none.
uint64_t sluice_memory_device(void);

#endif
