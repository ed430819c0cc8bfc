#include "core/failing_calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace sapiens {
namespace {

std::string failing_name;
int failing_error = 0;
int failing_times = 0;
int failed_calls = 0;

bool fails(const char* name) {
  if (failed_calls >= failing_times || failing_name != name) return false;
  ++failed_calls;
  errno = failing_error;
  return true;
}

}  // namespace

FailingCalls::FailingCalls(const std::string& name, int error_number, int times) {
  failing_name = name;
  failing_error = error_number;
  failing_times = times;
  failed_calls = 0;
}
FailingCalls::~FailingCalls() { failing_times = 0; }

int FailingCalls::failed() const { return failed_calls; }

}  // namespace sapiens

#pragma GCC diagnostic ignored "-Wshadow"  // flock is a struct too

extern "C" {

int openat(int folder, const char* path, int flags, ...) {
  if (sapiens::fails("open")) return -1;
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

int open(const char* path, int flags, ...) {
  if (sapiens::fails("open")) return -1;
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int fsync(int file) {
  return sapiens::fails("fsync") ? -1 : static_cast<int>(::syscall(SYS_fsync, file));
}

int flock(int file, int operation) noexcept {
  return sapiens::fails("flock") ? -1 : static_cast<int>(::syscall(SYS_flock, file, operation));
}

int ftruncate(int file, off_t size) noexcept {
  return sapiens::fails("ftruncate") ? -1 : static_cast<int>(::syscall(SYS_ftruncate, file, size));
}

ssize_t write(int file, const void* bytes, size_t count) {
  return sapiens::fails("write") ? -1 : ::syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t position) {
  return sapiens::fails("pwrite") ? -1 : ::syscall(SYS_pwrite64, file, bytes, count, position);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  if (sapiens::fails("rename")) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

}  // extern "C"
