// Makes system calls of a program fail, for tests: loaded by LD_PRELOAD, and told what to do by
// environment variables (tests/cli/faults.hpp sets them):
//
//   SAPIENS_FAULT_BELOW  a folder; only calls on files below it, or on descriptors of them, count
//   SAPIENS_FAULT_CALLS  kinds of calls that count, each between two spaces: " write sync "
//   SAPIENS_FAULT        "FIRST STEP ERROR": the FIRST of them fails with this errno, and then
//   every
//                        STEP-th (0: none). An ERROR of -1 halves what is read or written instead.
//   SAPIENS_FAULT_LOG    a file that gets a line for each call that failed
//   SAPIENS_FAULT_CLOCK  "FIRST SECONDS": the calendar's clock is wrong by so many seconds,
//   forwards
//                        and backwards in turn, from the FIRST time that it is asked
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS  // would give two functions below one name
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { kMaxPath = 8192, kShort = -1 };

/// The function that the program would have called without this library.
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static atomic_long counted_calls;

static const char* kind_of_opening(int flags) {
  if (flags & O_DIRECTORY) return "list";
  return flags & O_CREAT ? "create" : "open";
}

static void note(const char* kind, const char* path) {
  const char* const log = getenv("SAPIENS_FAULT_LOG");
  if (log == NULL) return;
  const int file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  char line[kMaxPath + 64];
  const int size = snprintf(line, sizeof line, "%s %s\n", kind, path);
  if (size > 0 && REAL(write)(file, line, (size_t)size) < 0) abort();
  REAL(close)(file);
}

/// The errno that this call fails with, `kShort`, or 0.
static int fault(const char* kind, const char* path) {
  const char* const below = getenv("SAPIENS_FAULT_BELOW");
  const char* const rule = getenv("SAPIENS_FAULT");
  const char* const kinds = getenv("SAPIENS_FAULT_CALLS");
  if (below == NULL || rule == NULL || kinds == NULL) return 0;
  char word[32];
  snprintf(word, sizeof word, " %s ", kind);
  if (strncmp(path, below, strlen(below)) != 0 || strstr(kinds, word) == NULL) return 0;
  long first = 0, step = 0;
  int error = 0;
  if (sscanf(rule, "%ld %ld %d", &first, &step, &error) != 3) abort();
  const long number = atomic_fetch_add(&counted_calls, 1) + 1;
  const int hit = number == first || (number > first && step > 0 && (number - first) % step == 0);
  if (!hit) return 0;
  note(kind, path);
  return error;
}

static int fault_of_file(const char* kind, int file) {
  const int before = errno;
  char link[64], path[kMaxPath];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size >= 0) path[size] = '\0';
  errno = before;
  return size < 0 ? 0 : fault(kind, path);
}

static int fault_at(const char* kind, int folder, const char* name) {
  if (name[0] == '/') return fault(kind, name);
  const int before = errno;
  char link[64] = "/proc/self/cwd", path[2 * kMaxPath];
  if (folder != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  const ssize_t size = readlink(link, path, kMaxPath);
  if (size >= 0) snprintf(path + size, sizeof path - (size_t)size, "/%s", name);
  errno = before;
  return size < 0 ? 0 : fault(kind, path);
}

static int failed(int error) {
  if (error > 0) errno = error;
  return error > 0;
}

static size_t half(size_t size, int error) {
  return error == kShort && size > 1 ? (size + 1) / 2 : size;
}

#define OPEN(name)                                         \
  int name(const char* path, int flags, ...) {             \
    va_list more;                                          \
    va_start(more, flags);                                 \
    const mode_t mode = va_arg(more, mode_t);              \
    va_end(more);                                          \
    const char* const kind = kind_of_opening(flags);       \
    if (failed(fault_at(kind, AT_FDCWD, path))) return -1; \
    return REAL(name)(path, flags, mode);                  \
  }
#define OPENAT(name)                                       \
  int name(int folder, const char* path, int flags, ...) { \
    va_list more;                                          \
    va_start(more, flags);                                 \
    const mode_t mode = va_arg(more, mode_t);              \
    va_end(more);                                          \
    const char* const kind = kind_of_opening(flags);       \
    if (failed(fault_at(kind, folder, path))) return -1;   \
    return REAL(name)(folder, path, flags, mode);          \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                        \
  FILE* name(const char* path, const char* mode) {                                         \
    if (failed(fault_at(mode[0] == 'r' ? "open" : "create", AT_FDCWD, path))) return NULL; \
    return REAL(name)(path, mode);                                                         \
  }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t read(int file, void* bytes, size_t size) {
  const int error = fault_of_file("read", file);
  return failed(error) ? -1 : REAL(read)(file, bytes, half(size, error));
}

ssize_t __read_chk(int file, void* bytes, size_t size, size_t room);
ssize_t __read_chk(int file, void* bytes, size_t size, size_t room) {
  if (size > room) abort();
  return read(file, bytes, size);
}

#define PREAD(name, Bytes, kind)                                                      \
  ssize_t name(int file, Bytes bytes, size_t size, off_t position) {                  \
    const int error = fault_of_file(kind, file);                                      \
    return failed(error) ? -1 : REAL(name)(file, bytes, half(size, error), position); \
  }
PREAD(pread, void*, "read")
PREAD(pread64, void*, "read")
PREAD(pwrite, const void*, "write")
PREAD(pwrite64, const void*, "write")

ssize_t __pread_chk(int file, void* bytes, size_t size, off_t position, size_t room);
ssize_t __pread_chk(int file, void* bytes, size_t size, off_t position, size_t room) {
  if (size > room) abort();
  return pread(file, bytes, size, position);
}

ssize_t write(int file, const void* bytes, size_t size) {
  const int error = fault_of_file("write", file);
  return failed(error) ? -1 : REAL(write)(file, bytes, half(size, error));
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  const int error = fault_of_file("write", file);
  return failed(error) ? -1 : REAL(writev)(file, parts, error == kShort ? (count + 1) / 2 : count);
}

#define SENDFILE(name)                                                             \
  ssize_t name(int to, int from, off_t* position, size_t size) {                   \
    const int error = fault_of_file("write", to);                                  \
    return failed(error) ? -1 : REAL(name)(to, from, position, half(size, error)); \
  }
SENDFILE(sendfile)
SENDFILE(sendfile64)

#define ON_FILE(Result, name, kind, parameters, ...)                         \
  Result name parameters {                                                   \
    return failed(fault_of_file(kind, file)) ? -1 : REAL(name)(__VA_ARGS__); \
  }
ON_FILE(int, fsync, "sync", (int file), file)
ON_FILE(int, fdatasync, "sync", (int file), file)
ON_FILE(int, flock, "lock", (int file, int what), file, what)
ON_FILE(int, ftruncate, "truncate", (int file, off_t size), file, size)
ON_FILE(int, ftruncate64, "truncate", (int file, off_t size), file, size)
ON_FILE(off_t, lseek, "seek", (int file, off_t to, int from), file, to, from)
ON_FILE(off_t, lseek64, "seek", (int file, off_t to, int from), file, to, from)
ON_FILE(int, fstat, "stat", (int file, struct stat* status), file, status)
ON_FILE(int, fstat64, "stat", (int file, struct stat64* status), file, status)

// Linux gives the descriptor back whatever it answers.
int close(int file) {
  const int error = fault_of_file("close", file);
  const int result = REAL(close)(file);
  return failed(error) ? -1 : result;
}

#define ON_PATH(name, kind, folder, path, parameters, ...)                      \
  int name parameters {                                                         \
    return failed(fault_at(kind, folder, path)) ? -1 : REAL(name)(__VA_ARGS__); \
  }
ON_PATH(stat, "stat", AT_FDCWD, path, (const char* path, struct stat* status), path, status)
ON_PATH(stat64, "stat", AT_FDCWD, path, (const char* path, struct stat64* status), path, status)
ON_PATH(lstat, "stat", AT_FDCWD, path, (const char* path, struct stat* status), path, status)
ON_PATH(lstat64, "stat", AT_FDCWD, path, (const char* path, struct stat64* status), path, status)
ON_PATH(fstatat, "stat", folder, path,
        (int folder, const char* path, struct stat* status, int flags), folder, path, status, flags)
ON_PATH(fstatat64, "stat", folder, path,
        (int folder, const char* path, struct stat64* status, int flags), folder, path, status,
        flags)
ON_PATH(rename, "rename", AT_FDCWD, to, (const char* from, const char* to), from, to)
ON_PATH(renameat, "rename", to_folder, to,
        (int folder, const char* from, int to_folder, const char* to), folder, from, to_folder, to)
ON_PATH(link, "link", AT_FDCWD, to, (const char* from, const char* to), from, to)
ON_PATH(symlink, "link", AT_FDCWD, to, (const char* from, const char* to), from, to)
ON_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char* path, mode_t mode), path, mode)
ON_PATH(unlink, "remove", AT_FDCWD, path, (const char* path), path)
ON_PATH(remove, "remove", AT_FDCWD, path, (const char* path), path)
ON_PATH(unlinkat, "remove", folder, path, (int folder, const char* path, int flags), folder, path,
        flags)

DIR* opendir(const char* path) {
  return failed(fault_at("list", AT_FDCWD, path)) ? NULL : REAL(opendir)(path);
}

DIR* fdopendir(int file) {
  return failed(fault_of_file("list", file)) ? NULL : REAL(fdopendir)(file);
}

#define READDIR(name, Entry)                                                         \
  struct Entry* name(DIR* folder) {                                                  \
    return failed(fault_of_file("list", dirfd(folder))) ? NULL : REAL(name)(folder); \
  }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

#define MMAP(name)                                                                        \
  void* name(void* start, size_t size, int rights, int flags, int file, off_t position) { \
    if (file >= 0 && failed(fault_of_file("map", file))) return MAP_FAILED;               \
    return REAL(name)(start, size, rights, flags, file, position);                        \
  }
MMAP(mmap)
MMAP(mmap64)

static time_t clock_error(void) {
  static atomic_long asked;
  const char* const rule = getenv("SAPIENS_FAULT_CLOCK");
  if (rule == NULL) return 0;
  long first = 0, seconds = 0;
  if (sscanf(rule, "%ld %ld", &first, &seconds) != 2) abort();
  const long number = atomic_fetch_add(&asked, 1) + 1;
  if (number < first) return 0;
  note("clock", "");
  return (number - first) % 2 == 0 ? seconds : -seconds;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = REAL(clock_gettime)(clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += clock_error();
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  const int result = REAL(gettimeofday)(now, zone);
  if (result == 0) now->tv_sec += clock_error();
  return result;
}

time_t time(time_t* now) {
  const time_t result = REAL(time)(NULL) + clock_error();
  if (now != NULL) *now = result;
  return result;
}
