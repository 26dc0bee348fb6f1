#define _GNU_SOURCE
#include "CFunctionProcess.h"
#include "become.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 64 * 1024 };

// Lies in memory that host and children share also where a child has a memory of its own.
struct start {
    const struct sluice_spawn_options *options;
    char *stack;
    pid_t parent;
    pid_t keeper;
    int user_namespace;
    int process_namespace;
    int sets_process_limit;
    // What came of it.
    volatile pid_t pid;
    volatile int code;
    // Set once the namespaces stand: what fails after that is the program's own fault.
    volatile int is_inside;
};

static int keep(void *argument) {
    struct start *start = argument;
    char *arguments[] = {"sleep", "infinity", NULL};
    struct sluice_spawn_options options = {
        .program = "/bin/sleep",
        .arguments = arguments,
        .variables = start->options->variables,
        .folder = "/",
        .input = -1,
        .output = -1,
        .death_signal = SIGKILL,
        .reaps = 1,
    };
    start->code = sluice_become(&options, 0);
    _exit(127);
}

static void write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t ignored = write(file, text, strlen(text));
    (void)ignored;
    close(file);
}

// Of the mount under a folder, the flags that a namespace of another user may not take away.
static unsigned long kept_flags(const char *folder) {
    struct statvfs status;
    if (statvfs(folder, &status) != 0) return 0;
    unsigned long flags = 0;
    if (status.f_flag & ST_NOSUID) flags |= MS_NOSUID;
    if (status.f_flag & ST_NODEV) flags |= MS_NODEV;
    if (status.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
    if (status.f_flag & ST_NOATIME) flags |= MS_NOATIME;
    if (status.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
    if (status.f_flag & ST_RELATIME) flags |= MS_RELATIME;
    return flags;
}

static void make_read_only(const char *folder) {
    if (mount(folder, folder, NULL, MS_BIND | MS_REC, NULL) != 0) return;
    mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | kept_flags(folder), NULL);
}

// The function's process: already among the processes of the new namespace.
static int enter(void *argument) {
    struct start *start = argument;
    const struct sluice_spawn_options *options = start->options;
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) {
        start->code = errno;
        _exit(127);
    }
    if (start->sets_process_limit) {
        char text[24];
        // The kernel counts numbers, and keeps the first 300 of them back once it has come around.
        snprintf(text, sizeof text, "%llu", (unsigned long long)options->process_limit + 300);
        write_file("/proc/sys/kernel/pid_max", text);
    }
    // What root could reach the machine through, whatever its capabilities.
    make_read_only("/proc/sys");
    make_read_only("/proc/irq");
    make_read_only("/proc/bus");
    make_read_only("/proc/fs");
    make_read_only("/proc/sysrq-trigger");
    make_read_only("/sys");
    char size[48];
    snprintf(size, sizeof size, "mode=1777,nr_inodes=4096,size=%llu", (unsigned long long)options->shared_memory);
    if (options->shared_memory) mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, size);
    if (options->read_only) make_read_only(options->read_only);
    start->is_inside = 1;
    start->code = sluice_become(options, 0);
    _exit(127);
}

// A step between host and function, which joins the namespaces and is gone once the function runs.
static int join(void *argument) {
    struct start *start = argument;
    if (start->user_namespace >= 0 && setns(start->user_namespace, CLONE_NEWUSER) != 0) {
        start->code = errno;
        _exit(127);
    }
    if (setns(start->process_namespace, CLONE_NEWPID) != 0) {
        start->code = errno;
        _exit(127);
    }
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD;
    pid_t pid = clone(enter, start->stack + 2 * STACK, flags, start);
    if (pid < 0) {
        start->code = errno;
    } else {
        start->pid = pid;
    }
    _exit(0);
}

static void reap(pid_t pid) {
    if (pid <= 0) return;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int open_namespace(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

// Whether the highest process number belongs to a namespace rather than to the machine: since Linux 6.14.
static int has_process_limits(void) {
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2) return 0;
    return major > 6 || (major == 6 && minor >= 14);
}

static void map_user(pid_t pid) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
    write_file(path, "deny");
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    snprintf(text, sizeof text, "%u %u 1", geteuid(), geteuid());
    write_file(path, text);
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    snprintf(text, sizeof text, "%u %u 1", getegid(), getegid());
    write_file(path, text);
}

int sluice_spawn_isolated(const struct sluice_spawn_options *options, pid_t *pid, pid_t *keeper) {
    size_t length = 2 * STACK + 4096;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return errno;
    int is_root = geteuid() == 0;
    struct sluice_spawn_options own = *options;
    own.own_user = !is_root;
    struct start *start = (struct start *)(memory + 2 * STACK);
    start->options = &own;
    start->stack = memory;
    start->parent = getpid();
    start->user_namespace = start->process_namespace = -1;
    start->sets_process_limit = is_root && options->process_limit && has_process_limits();

    // No handler of the host may run in a child while both share one memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    int users = is_root ? 0 : CLONE_NEWUSER;
    start->keeper = clone(keep, memory + STACK, CLONE_VM | CLONE_VFORK | CLONE_NEWPID | users | SIGCHLD, start);
    if (start->keeper < 0) {
        code = -errno;
        goto done;
    }
    if (start->code != 0) {
        code = -start->code;
        goto ended;
    }
    if (users) {
        map_user(start->keeper);
        start->user_namespace = open_namespace(start->keeper, "user");
    }
    start->process_namespace = open_namespace(start->keeper, "pid");
    if (start->process_namespace < 0 || (users && start->user_namespace < 0)) {
        code = -errno;
        goto ended;
    }
    // Joining a user namespace changes what the kernel lets others see of a memory: it must not be the host's.
    int sharing = users ? 0 : CLONE_VM;
    pid_t step = clone(join, memory + STACK, sharing | CLONE_VFORK | SIGCHLD, start);
    if (step < 0) {
        code = errno;
        goto ended;
    }
    reap(step);
    if (start->code != 0) {
        code = start->is_inside ? start->code : -start->code;
        reap(start->pid);
    } else if (start->pid <= 0) {
        code = EAGAIN;
    }

ended:
    if (code != 0) {
        kill(start->keeper, SIGKILL);
        reap(start->keeper);
    }
    if (start->process_namespace >= 0) close(start->process_namespace);
    if (start->user_namespace >= 0) close(start->user_namespace);
done:
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *pid = start->pid;
    *keeper = start->keeper;
    munmap(memory, length);
    return code;
}
