#include "hub/hub_server.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace sapiens {

HubServer::HubServer(const std::string& file, const std::vector<std::string>& options) {
  const std::string ports = scratch_ / "ports";
  std::vector<std::string> words = {PYTHON,    HUB_SERVER, "--file", file,
                                    "--ports", ports,      "--log",  scratch_ / "log"};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(ends[0], STDIN_FILENO);
    execv(PYTHON, argv.data());
    _exit(127);
  }
  close(ends[0]);
  standard_input_ = ends[1];
  for (int attempt = 0; attempt < 3000 && !std::filesystem::exists(ports); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::string hub, storage, proxy;
  std::ifstream(ports) >> hub >> storage >> proxy;
  if (proxy.empty()) throw std::runtime_error("hub_server.py did not start");
  endpoint_ = "http://127.0.0.1:" + hub;
  proxy_ = "http://127.0.0.1:" + proxy;
}

HubServer::~HubServer() {
  close(standard_input_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::vector<nlohmann::json> HubServer::requests(const std::string& server) const {
  std::vector<nlohmann::json> found;
  std::ifstream log(scratch_ / "log");
  for (std::string line; std::getline(log, line);) {
    nlohmann::json request = nlohmann::json::parse(line);
    if (request["server"] == server) found.push_back(std::move(request));
  }
  return found;
}

}  // namespace sapiens
