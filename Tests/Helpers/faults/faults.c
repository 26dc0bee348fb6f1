// Stands between a program and the system, and makes chosen calls fail while a file says so: disks that are full or broken, and
// tables that are full, on any machine and without rights. To be named in LD_PRELOAD.
//
// SLUICE_FAULTS names the file. Each of its lines is "CALL ERRNO TEXT": the call fails with that number where the path that it is
// about holds the text. Calls: open, read (at an offset), write, fsync, truncate, accept, socket, pipe, thread. Without the file all is as usual.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// The error that a call on a path is to end with; 0 for none. Reads by plain system calls, which nobody stands in front of.
static int fault(const char *call, const char *path) {
    const char *file = getenv("SLUICE_FAULTS");
    if (!file) return 0;
    int before = errno;
    int rules = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (rules < 0) {
        errno = before;
        return 0;
    }
    char text[2048];
    long count = syscall(SYS_read, rules, text, sizeof text - 1);
    syscall(SYS_close, rules);
    errno = before;
    if (count <= 0) return 0;
    text[count] = 0;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        char name[32], part[512];
        int code;
        if (sscanf(line, "%31s %d %511s", name, &code, part) != 3 || strcmp(name, call) != 0) continue;
        if (strcmp(part, "*") == 0 || (path && strstr(path, part))) return code;
    }
    return 0;
}

static int descriptor_fault(const char *call, int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    int before = errno;
    long count = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = before;
    path[count > 0 ? count : 0] = 0;
    return fault(call, path);
}

#define FAIL_IF(expression)       \
    do {                          \
        int code = (expression);  \
        if (code) {               \
            errno = code;         \
            return -1;            \
        }                         \
    } while (0)

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...) {                               \
        va_list list;                                                          \
        va_start(list, flags);                                                 \
        mode_t mode = va_arg(list, mode_t);                                    \
        va_end(list);                                                          \
        FAIL_IF(fault("open", path));                                          \
        return REAL(name)(path, flags, mode);                                  \
    }

#define OPENAT(name)                                                           \
    int name(int folder, const char *path, int flags, ...) {                   \
        va_list list;                                                          \
        va_start(list, flags);                                                 \
        mode_t mode = va_arg(list, mode_t);                                    \
        va_end(list);                                                          \
        FAIL_IF(fault("open", path));                                          \
        return REAL(name)(folder, path, flags, mode);                          \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    FAIL_IF(descriptor_fault("read", descriptor));
    return REAL(pread)(descriptor, bytes, count, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    FAIL_IF(descriptor_fault("read", descriptor));
    return REAL(pread64)(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    FAIL_IF(descriptor_fault("write", descriptor));
    return REAL(write)(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    FAIL_IF(descriptor_fault("write", descriptor));
    return REAL(pwrite)(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    FAIL_IF(descriptor_fault("write", descriptor));
    return REAL(pwrite64)(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
    FAIL_IF(descriptor_fault("fsync", descriptor));
    return REAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    FAIL_IF(descriptor_fault("fsync", descriptor));
    return REAL(fdatasync)(descriptor);
}

int ftruncate(int descriptor, off_t length) {
    FAIL_IF(descriptor_fault("truncate", descriptor));
    return REAL(ftruncate)(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) {
    FAIL_IF(descriptor_fault("truncate", descriptor));
    return REAL(ftruncate64)(descriptor, length);
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
    FAIL_IF(fault("accept", NULL));
    return REAL(accept4)(listener, address, length, flags);
}

int socket(int domain, int type, int protocol) {
    FAIL_IF(fault("socket", NULL));
    return REAL(socket)(domain, type, protocol);
}

int pipe2(int ends[2], int flags) {
    FAIL_IF(fault("pipe", NULL));
    return REAL(pipe2)(ends, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    int code = fault("thread", NULL);
    return code ? code : REAL(pthread_create)(thread, attributes, body, argument);
}
