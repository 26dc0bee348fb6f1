#pragma once
// What Swift can't say itself: a C global that is a variable, and calls with variable arguments.

#include <stdio.h>

/// Makes standard output flush at each newline, also where it is a pipe.
static inline void function_runtime_line_buffer_stdout(void) { setvbuf(stdout, NULL, _IOLBF, 1 << 14); }

/// libcurl's `curl_easy_setopt`, found at run time as `setopt`, with an argument of type long.
static inline int function_runtime_setopt_long(void *setopt, void *handle, int option, long value) {
    return ((int (*)(void *, int, ...))setopt)(handle, option, value);
}

/// The same with a pointer.
static inline int function_runtime_setopt_pointer(void *setopt, void *handle, int option, const void *value) {
    return ((int (*)(void *, int, ...))setopt)(handle, option, value);
}

/// libcurl's `curl_easy_getinfo` for a long.
static inline int function_runtime_getinfo_long(void *getinfo, void *handle, int info, long *value) {
    return ((int (*)(void *, int, ...))getinfo)(handle, info, value);
}
