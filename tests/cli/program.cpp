#include "cli/program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <sapiens/image.hpp>
#include <stdexcept>
#include <thread>

namespace sapiens {
namespace {

void redirect(int descriptor, const std::string& path, int flags) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) _exit(127);
}

}  // namespace

Running::Running(const std::vector<std::string>& arguments, const std::string& standard_input) {
  write_bytes(streams_ / "in", standard_input);
  std::vector<std::string> words = {SAPIENS_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string in = streams_ / "in", out = streams_ / "out", err = streams_ / "err";

  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    redirect(STDIN_FILENO, in, O_RDONLY);
    redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT);
    redirect(STDERR_FILENO, err, O_WRONLY | O_CREAT);
    execv(SAPIENS_PROGRAM, argv.data());
    _exit(127);
  }
}

Running::~Running() {
  // A program that is killed leaves no record of the lines that it ran (tools/coverage.sh).
  send(SIGTERM);
  for (int wait = 0; wait < 200 && !ended(); ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Running::send(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

void Running::reap(int options) {
  rusage usage{};
  if (pid_ < 0 || wait4(pid_, &status_, options, &usage) != pid_) return;
  pid_ = -1;
  peak_bytes_ = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

bool Running::ended() {
  reap(WNOHANG);
  return pid_ < 0;
}

Finished Running::wait() {
  reap(0);
  return {.code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_),
          .out = read_bytes(streams_ / "out"),
          .err = read_bytes(streams_ / "err"),
          .peak_bytes = peak_bytes_};
}

Finished run_sapiens(const std::vector<std::string>& arguments, const std::string& standard_input) {
  return Running(arguments, standard_input).wait();
}

void make_checkpoint(const std::string& path) {
  const Finished synth = run_sapiens({"synth", path, "--arch", "tiny"});
  ASSERT_EQ(synth.code, 0) << synth.err;
}

void make_incomplete_checkpoint(const std::string& path) {
  make_checkpoint(path);
  std::string bytes = read_bytes(path);
  const std::string key = "layers.0.attn.proj.bias";
  const std::size_t at = bytes.find(key);
  ASSERT_NE(at, std::string::npos);
  // Same length, so the header of the safetensors file stays true.
  const std::string unknown = "decoder.attn.extra.bias";
  ASSERT_EQ(unknown.size(), key.size());
  bytes.replace(at, key.size(), unknown);
  write_bytes(path, bytes);
}

void make_image(const std::string& path, int seed) {
  Image image{.width = 40, .height = 30, .rgb = std::vector<std::uint8_t>(40 * 30 * 3)};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>(i * static_cast<std::size_t>(seed) % 251);
  }
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  image.write_png(path);
}

}  // namespace sapiens
