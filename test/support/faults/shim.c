/*
 * Faults between a program and its system, for tests: preloaded (LD_PRELOAD), it makes calls on files below one folder
 * fail, moves the wall clock, and writes down what reached the files, in order, for states after a loss of power to be
 * put together from. It calls the system itself, so that it needs nothing of the C library's own versions.
 *
 *   FAULTS_CONTROL  a file of 64 bytes that the test writes to: see `struct control`
 *   FAULTS_UNDER    the folder
 *   FAULTS_RECORD   where to write what happened: see `struct record`; nothing is written down without it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_ms;                                          /* added to the wall clock */
  int32_t write_errno, sync_errno, open_errno, read_errno;   /* 0: let it through */
  int32_t skip;                                              /* so many writes and syncs still succeed */
};

struct record {
  uint32_t op;      /* below */
  uint32_t name;    /* bytes of a path that follows */
  uint64_t at;      /* CLOCK_MONOTONIC in nanoseconds, once it was done */
  uint64_t file;    /* inode */
  uint64_t offset;  /* of a write; the new length of a truncation; 1 for a name whose file was made with it */
  uint64_t length;  /* bytes of content that follow the path */
};
enum { WRITE = 1, TRUNCATE, SYNC, NAME, SYNC_FOLDER, GONE };

#define FILES 65536
static volatile struct control *control;
static struct control nothing;
static char under[4096];
static size_t under_length;
static int record_fd = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* What an open descriptor is: its inode, or 0 for what is no business of ours. */
static uint64_t inode_of[FILES];
static uint8_t through[FILES];

__attribute__((constructor)) static void begin(void) {
  control = &nothing;
  const char *path = getenv("FAULTS_CONTROL");
  if (path != NULL) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
    void *at = mmap(NULL, 64, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) control = at;
    syscall(SYS_close, fd);
  }
  if ((path = getenv("FAULTS_UNDER")) != NULL) strncpy(under, path, sizeof under - 1);
  under_length = strlen(under);
  if ((path = getenv("FAULTS_RECORD")) != NULL)
    record_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
  return under_length > 0 && path != NULL && strncmp(path, under, under_length) == 0;
}

static int refused(int32_t number) {
  if (number == 0) return 0;
  errno = number;
  return 1;
}

static int allowed_once(void) {
  if (control == NULL || control->skip <= 0) return 0;
  static int used;
  return __sync_add_and_fetch(&used, 1) <= control->skip;
}

static void note(uint32_t op, uint64_t file, const char *path, uint64_t offset, const void *bytes, size_t length) {
  if (record_fd < 0) return;
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  size_t named = path == NULL ? 0 : strlen(path);
  struct record head = {op, named, now.tv_sec * 1000000000ull + now.tv_nsec, file, offset, length};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, named}, {(void *)bytes, length}};
  syscall(SYS_writev, record_fd, parts, 3);
}

/* Some close without the C library's close: whether a descriptor is still what it was is looked at each time. */
static int is(int fd) {
  struct stat info;
  if (fd < 0 || fd >= FILES || inode_of[fd] == 0) return 0;
  if (fstat(fd, &info) == 0 && info.st_ino == inode_of[fd] && !S_ISSOCK(info.st_mode)) return 1;
  inode_of[fd] = 0;
  return 0;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  if (!ours(path) || strstr(path, "-shm") != NULL) return syscall(SYS_openat, folder, path, flags, mode);
  if (refused(control->open_errno)) return -1;
  if (control->write_errno == EROFS && (flags & O_ACCMODE) != O_RDONLY) return errno = EROFS, -1;
  pthread_mutex_lock(&mutex);
  int fresh = (flags & O_CREAT) != 0 && syscall(SYS_faccessat, folder, path, F_OK) != 0;
  int fd = syscall(SYS_openat, folder, path, flags, mode), failed = errno;
  struct stat info;
  if (fd >= 0 && fd < FILES && fstat(fd, &info) == 0) {
    inode_of[fd] = info.st_ino;
    through[fd] = (flags & (O_SYNC | O_DSYNC)) != 0;
    if (fresh) note(NAME, info.st_ino, path, 1, NULL, 0);
    if ((flags & O_TRUNC) != 0 && !fresh) note(TRUNCATE, info.st_ino, NULL, 0, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return fd;
}

#define WITH_MODE(last) mode_t mode = 0; if ((flags & (O_CREAT | O_TMPFILE)) != 0) { va_list rest; va_start(rest, last); mode = va_arg(rest, int); va_end(rest); }
int open(const char *path, int flags, ...) { WITH_MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { WITH_MODE(flags) return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { WITH_MODE(flags) return open_at(folder, path, flags, mode); }

int close(int fd) {
  if (fd >= 0 && fd < FILES) inode_of[fd] = 0;
  return syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset, int placed) {
  if (!is(fd)) return placed ? syscall(SYS_pwrite64, fd, bytes, length, offset) : syscall(SYS_write, fd, bytes, length);
  if (control->write_errno != 0 && !allowed_once() && refused(control->write_errno)) return -1;
  pthread_mutex_lock(&mutex);
  off_t at = placed ? offset : lseek(fd, 0, SEEK_CUR);
  ssize_t done = placed ? syscall(SYS_pwrite64, fd, bytes, length, offset) : syscall(SYS_write, fd, bytes, length);
  int failed = errno;
  if (done > 0) {
    note(WRITE, inode_of[fd], NULL, at, bytes, done);
    if (through[fd]) note(SYNC, inode_of[fd], NULL, 0, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset, 1); }

ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) {
  if (is(fd) && refused(control->read_errno)) return -1;
  return syscall(SYS_pread64, fd, bytes, length, offset);
}
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

int ftruncate64(int fd, off_t length) {
  if (is(fd) && refused(control->write_errno)) return -1;
  pthread_mutex_lock(&mutex);
  int done = syscall(SYS_ftruncate, fd, length), failed = errno;
  if (done == 0 && is(fd)) note(TRUNCATE, inode_of[fd], NULL, length, NULL, 0);
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int flush(int fd, long call) {
  if (!is(fd)) return syscall(call, fd);
  if (control->sync_errno != 0 && !allowed_once() && refused(control->sync_errno)) return -1;
  pthread_mutex_lock(&mutex);
  int done = syscall(call, fd), failed = errno;
  struct stat info;
  if (done == 0 && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) path[length] = 0, note(SYNC_FOLDER, info.st_ino, path, 0, NULL, 0);
  } else if (done == 0) {
    note(SYNC, inode_of[fd], NULL, 0, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}
int fsync(int fd) { return flush(fd, SYS_fsync); }
int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }

/* Whoever makes or moves a name: what the name now leads to is noted, and which name is gone. */
static void named(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0) note(NAME, info.st_ino, path, 0, NULL, 0);
}
int rename(const char *from, const char *to) {
  if (ours(to) && refused(control->write_errno)) return -1;
  pthread_mutex_lock(&mutex);
  int done = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), failed = errno;
  if (done == 0 && ours(to)) named(to), note(GONE, 0, from, 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}
int link(const char *from, const char *to) {
  if (ours(to) && refused(control->write_errno)) return -1;
  pthread_mutex_lock(&mutex);
  int done = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0), failed = errno;
  if (done == 0 && ours(to)) named(to);
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}
int unlink(const char *path) {
  pthread_mutex_lock(&mutex);
  int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0), failed = errno;
  if (done == 0 && ours(path)) note(GONE, 0, path, 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  errno = failed;
  return done;
}
int mkdir(const char *path, mode_t mode) {
  int done = syscall(SYS_mkdirat, AT_FDCWD, path, mode), failed = errno;
  if (done == 0 && ours(path)) named(path);
  errno = failed;
  return done;
}

int clock_gettime(clockid_t which, struct timespec *now) {
  int done = syscall(SYS_clock_gettime, which, now);
  int64_t moved = control == NULL ? 0 : control->clock_ms;
  if (done == 0 && moved != 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += moved / 1000;
    now->tv_nsec += (moved % 1000) * 1000000;
    if (now->tv_nsec < 0) now->tv_nsec += 1000000000, now->tv_sec -= 1;
    if (now->tv_nsec >= 1000000000) now->tv_nsec -= 1000000000, now->tv_sec += 1;
  }
  return done;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}
