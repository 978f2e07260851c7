/* Records what a process asks of the disk below one folder, and what it sends over sockets, in order.

   Preloaded. Every call is made under one lock and written to the trace after it was made, so the order
   in the trace is the order on the disk. Mapped memory is not seen: SQLite maps only its -shm file,
   which it makes anew after a power failure. See tests/adversity/power.py for how the trace is read. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <limits.h>

struct head { uint32_t kind, path, more, spare; uint64_t at, length, time; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static const char *below;

static void begin(void) {
    const char *name = getenv("RECORD_TRACE");
    below = getenv("RECORD_BELOW");
    if (name && below) trace = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}
__attribute__((constructor)) static void setup(void) { begin(); }

static void record(char kind, const char *path, const char *more, uint64_t at, const void *data, uint64_t length) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    size_t one = strlen(path), two = more ? strlen(more) : 0;
    struct head head = { (uint32_t)kind, (uint32_t)one, (uint32_t)two, 0, at, length,
                         (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec };
    struct iovec parts[4] = { { &head, sizeof head }, { (void *)path, one }, { (void *)(more ? more : ""), two },
                              { (void *)data, data ? length : 0 } };
    if (!data && kind != 'T') head.length = 0;
    syscall(SYS_writev, trace, parts, 4);
}

/* The path of a descriptor, empty if it is not below the folder; "socket:" for a socket. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return strncmp(path, below, strlen(below)) == 0 || strncmp(path, "socket:", 7) == 0;
}
static int watched(int directory, const char *name, char *path) {
    if (name[0] == '/') snprintf(path, PATH_MAX, "%s", name);
    else if (directory == AT_FDCWD) { if (!getcwd(path, PATH_MAX)) return 0; strncat(path, "/", 2); strncat(path, name, PATH_MAX - strlen(path) - 1); }
    else { if (!path_of(directory, path)) return 0; strncat(path, "/", 2); strncat(path, name, PATH_MAX - strlen(path) - 1); }
    return strncmp(path, below, strlen(below)) == 0;
}
#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define LOCKED(...) do { int saved; pthread_mutex_lock(&lock); __VA_ARGS__; saved = errno; pthread_mutex_unlock(&lock); errno = saved; } while (0)

static int opened(int (*real)(int, const char *, int, ...), int directory, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int fd = -1;
    struct stat seen;
    if (trace < 0 || !(flags & (O_CREAT | O_TRUNC)) || !watched(directory, name, path)) return real(directory, name, flags, mode);
    LOCKED(
        int there = stat(path, &seen) == 0;
        fd = real(directory, name, flags, mode);
        if (fd >= 0 && !there) record('C', path, 0, 0, 0, 0);
        else if (fd >= 0 && (flags & O_TRUNC)) record('T', path, 0, 0, 0, 0));
    return fd;
}
static int real_openat(int directory, const char *name, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);
    return (int)syscall(SYS_openat, directory, name, flags, mode);
}
#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *name, int flags, ...) { MODE return opened(real_openat, AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return opened(real_openat, AT_FDCWD, name, flags, mode); }
int openat(int directory, const char *name, int flags, ...) { MODE return opened(real_openat, directory, name, flags, mode); }
int openat64(int directory, const char *name, int flags, ...) { MODE return opened(real_openat, directory, name, flags, mode); }

static ssize_t written(int fd, const void *data, size_t length, off_t at, int here) {
    char path[PATH_MAX];
    ssize_t done = -1;
    if (trace < 0 || fd == trace || !path_of(fd, path))
        return here ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, at);
    if (path[0] == 's') {
        LOCKED(record('S', path, 0, 0, data, length); done = syscall(SYS_write, fd, data, length));
        return done;
    }
    LOCKED(
        if (here) {
            struct stat seen;
            at = (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &seen) == 0 ? seen.st_size : lseek(fd, 0, SEEK_CUR);
            done = syscall(SYS_write, fd, data, length);
        } else done = syscall(SYS_pwrite64, fd, data, length, at);
        if (done > 0) record('W', path, 0, (uint64_t)at, data, (uint64_t)done));
    return done;
}
ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return written(fd, data, length, at, 0); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return written(fd, data, length, at, 0); }

static int cut(int fd, off_t length) {
    char path[PATH_MAX];
    int done = -1;
    if (trace < 0 || !path_of(fd, path)) return (int)syscall(SYS_ftruncate, fd, length);
    LOCKED(done = (int)syscall(SYS_ftruncate, fd, length); if (!done) record('T', path, 0, (uint64_t)length, 0, 0));
    return done;
}
int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int synced(long number, int fd) {
    char path[PATH_MAX];
    int done = -1;
    if (trace < 0 || !path_of(fd, path)) return (int)syscall(number, fd);
    LOCKED(done = (int)syscall(number, fd); if (!done) record('F', path, 0, 0, 0, 0));
    return done;
}
int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

static int renamed(int from, const char *old, int to, const char *new) {
    char one[PATH_MAX], two[PATH_MAX];
    int done = -1;
    if (trace < 0 || !watched(from, old, one) || !watched(to, new, two)) return (int)syscall(SYS_renameat2, from, old, to, new, 0);
    LOCKED(done = (int)syscall(SYS_renameat2, from, old, to, new, 0); if (!done) record('R', one, two, 0, 0, 0));
    return done;
}
int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int from, const char *old, int to, const char *new) { return renamed(from, old, to, new); }

static int removed(int directory, const char *name, int flags) {
    char path[PATH_MAX];
    int done = -1;
    if (trace < 0 || flags || !watched(directory, name, path)) return (int)syscall(SYS_unlinkat, directory, name, flags);
    LOCKED(done = (int)syscall(SYS_unlinkat, directory, name, flags); if (!done) record('U', path, 0, 0, 0, 0));
    return done;
}
int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int directory, const char *name, int flags) { return removed(directory, name, flags); }

ssize_t send(int fd, const void *data, size_t length, int flags) {
    if (trace >= 0) LOCKED(record('S', "socket:", 0, 0, data, length));
    return syscall(SYS_sendto, fd, data, length, flags, 0, 0);
}
ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    if (trace >= 0) LOCKED(record('S', "socket:", 0, 0, data, length));
    return syscall(SYS_sendto, fd, data, length, flags, to, size);
}
