#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sapiens/features.hpp>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sapiens {

using Json = nlohmann::json;

/// What one run of the program left behind.
struct Finished {
  int code = -1;  // 128 + signal if it was killed
  std::string out;
  std::string err;
  std::uint64_t peak_bytes = 0;  // peak of resident memory

  /// The whole of standard output, which must be one document.
  Json json() const { return Json::parse(out); }
};

/// The program, running. Its streams go to files, so nothing can block on a full pipe.
class Running {
 public:
  explicit Running(const std::vector<std::string>& arguments,
                   const std::string& standard_input = "");
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  pid_t id() const { return pid_; }
  void send(int signal) const;
  bool ended();
  /// What it has written on standard error so far.
  std::string errors_so_far() const { return read_bytes(streams_ / "err"); }
  Finished wait();

 private:
  void reap(int options);

  Scratch streams_;
  pid_t pid_ = -1;
  int status_ = 0;
  std::uint64_t peak_bytes_ = 0;
};

Finished run_sapiens(const std::vector<std::string>& arguments,
                     const std::string& standard_input = "");

/// A tiny checkpoint of random weights at `path`.
void make_checkpoint(const std::string& path);

/// The same with one parameter under an unknown name; `path` ends in ".safetensors".
void make_incomplete_checkpoint(const std::string& path);

/// A PNG of some colours that depend on `seed`, whatever its name says.
void make_image(const std::string& path, int seed = 1);

}  // namespace sapiens
