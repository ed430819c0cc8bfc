#pragma once

#include <string>

namespace sapiens {

/// Makes the next `times` calls of the system call `name` ("open", "fsync", "flock", "ftruncate",
/// "write", "pwrite", "rename") fail with `error_number`. This program's own functions of these
/// names stand in front of those of the C library (failing_calls.cpp). Ends with the object.
class FailingCalls {
 public:
  FailingCalls(const std::string& name, int error_number, int times);
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;
  ~FailingCalls();

  /// Calls that have failed so far.
  int failed() const;
};

}  // namespace sapiens
