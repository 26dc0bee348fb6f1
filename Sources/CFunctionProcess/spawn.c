#define _GNU_SOURCE
#include "CFunctionProcess.h"
#include "become.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit(int resource, uint64_t value) {
    struct rlimit bounds = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &bounds);
}

static void close_from(int first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    for (long descriptor = first; descriptor < most; descriptor++) close((int)descriptor);
}

// Keeps of root's powers only those over files: no tracing of the host, no mounts, no devices, no raised limits.
static void drop_capabilities(void) {
    const uint64_t kept = 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH | 1 << CAP_FOWNER |
                          1 << CAP_FSETID;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_capget, &head, data) != 0) return;
    // What the bounding set has lost, exec gives back to nobody, root included.
    for (int number = 0; number < 64; number++) {
        if (kept >> number & 1) continue;
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 && errno == EINVAL) break;
    }
    data[0].effective &= (uint32_t)kept;
    data[0].permitted &= (uint32_t)kept;
    data[0].inheritable = 0;
    data[1].effective = data[1].permitted = data[1].inheritable = 0;
    syscall(SYS_capset, &head, data);
}

// Runs in the child, which shares the parent's memory until it has called exec: only plain system calls.
// `parent` is 0 where the parent lies outside of the child's process namespace.
int sluice_become(const struct sluice_spawn_options *options, pid_t parent) {
    if (setsid() < 0) return errno;
    int input = options->input >= 0 ? options->input : open("/dev/null", O_RDONLY);
    int output = options->output >= 0 ? options->output : open("/dev/null", O_WRONLY);
    if (input < 0 || output < 0) return errno;
    // A descriptor that already has a standard number would be lost under the other one.
    if (output < 3) output = fcntl(output, F_DUPFD, 3);
    if (input < 3) input = fcntl(input, F_DUPFD, 3);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) return errno;
    close_from(3);
    if (chdir(options->folder) < 0) return errno;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    if (options->reaps) signal(SIGCHLD, SIG_IGN);
    limit(RLIMIT_CORE, 0);
    if (options->file_limit) limit(RLIMIT_NOFILE, options->file_limit);
    if (options->data_limit) limit(RLIMIT_DATA, options->data_limit);
    // The limit counts a user's processes in the whole machine, unless the user has a namespace of its own.
    if (options->process_limit && options->own_user) limit(RLIMIT_NPROC, options->process_limit);
    if (options->drops_capabilities) drop_capabilities();
    if (options->death_signal) {
        // A change of capabilities would forget this signal, so it comes last.
        prctl(PR_SET_PDEATHSIG, options->death_signal);
        // The parent may have ended before the line above.
        if (getppid() != parent) _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (strchr(options->program, '/')) {
        execve(options->program, options->arguments, options->variables);
    } else {
        execvpe(options->program, options->arguments, options->variables);
    }
    return errno;
}

int sluice_spawn(const struct sluice_spawn_options *options, pid_t *pid) {
    // No handler of the host may run in the child while both share one memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    volatile int failure = 0;
    pid_t started = vfork();
    if (started == 0) {
        failure = sluice_become(options, parent);
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

int sluice_pipe(int ends[2], int nonblocking) {
    if (pipe2(ends, O_CLOEXEC) < 0) return errno;
    if (nonblocking) fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int sluice_accept(int listener, uint16_t *port) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int client = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return -1;
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *port = ntohs(address.sin_port);
    return client;
}

uint64_t sluice_client_inode(uint16_t client, uint16_t server) {
    // One a thread for good: a process without descriptors left must still be able to ask.
    static _Thread_local int netlink = -1;
    if (netlink < 0) netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return 0;
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 question;
    } request = {
        .head = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .question = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U},
    };
    // The kernel speaks of the socket by its own side first.
    request.question.id.idiag_sport = htons(client);
    request.question.id.idiag_dport = htons(server);
    request.question.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    request.question.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
    request.question.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.question.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    uint64_t inode = 0;
    union {
        struct nlmsghdr head;
        char bytes[4096];
    } answer;
    static _Thread_local uint32_t sequence = 0;
    request.head.nlmsg_seq = ++sequence;
    if (send(netlink, &request, sizeof request, 0) == sizeof request) {
        ssize_t count;
        do {
            count = recv(netlink, &answer, sizeof answer, 0);
            // What is left of an earlier question is passed over.
        } while ((count < 0 && errno == EINTR) ||
                 (count >= (ssize_t)sizeof answer.head && answer.head.nlmsg_seq != sequence));
        if (count >= (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) &&
            answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            inode = ((const struct inet_diag_msg *)NLMSG_DATA(&answer.head))->idiag_inode;
        }
    }
    return inode;
}

uint64_t sluice_memory_device(void) {
    int file = memfd_create("sluice", MFD_CLOEXEC);
    if (file < 0) return 0;
    struct stat status;
    uint64_t device = fstat(file, &status) == 0 ? status.st_dev : 0;
    close(file);
    return device;
}
