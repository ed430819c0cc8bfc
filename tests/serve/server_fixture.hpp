#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/program.hpp"
#include "serve/client.hpp"

namespace sapiens {

inline const Headers kPng = {{"Content-Type", "image/png"}};

/// The code of an error's answer; its body where that is none.
inline std::string code_of(const Answer& answer) {
  const Json document = Json::parse(answer.body, nullptr, false);
  return document.is_object() ? document["error"]["code"].get<std::string>() : answer.body;
}

/// The program, serving on a port of its own.
class Serving {
 public:
  explicit Serving(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"serve", "--port", "0", "--threads", "1"});
    program_ = std::make_unique<Running>(arguments);
    const std::string words = "listening on http://127.0.0.1:";
    while (port_ == 0 && !program_->ended()) {
      const std::string errors = program_->errors_so_far();
      const std::size_t at = errors.find(words);
      if (at != std::string::npos && errors.find('\n', at) != std::string::npos) {
        port_ = std::stoi(errors.substr(at + words.size()));
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  }

  int port() const { return port_; }
  Running& program() { return *program_; }

  /// A number of /metrics.
  double metric(const std::string& name, const Headers& headers = {}) const {
    const std::string text = ask(port_, "GET", "/metrics", headers).body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  /// Waits until that many requests are in the queue.
  void wait_for_queue(double requests) const {
    while (metric("sapiens_queue_requests") != requests) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  std::unique_ptr<Running> program_;
  int port_ = 0;
};

/// An image, and tiny models of random weights by task, made once for all tests.
class Models {
 public:
  static const Models& get() {
    static const Models models;
    return models;
  }

  const std::string& path(const std::string& task) const { return paths_.at(task); }
  std::string argument(const std::string& task) const { return task + "=" + paths_.at(task); }
  /// "--model features=..." and so on for all five.
  std::vector<std::string> arguments() const {
    std::vector<std::string> words;
    for (const auto& [task, path] : paths_) {
      words.emplace_back("--model");
      words.push_back(argument(task));
    }
    return words;
  }
  std::string image_path() const { return scratch_ / "a.png"; }
  const std::string& image() const { return image_; }

 private:
  Models() {
    for (const std::string task : {"features", "pose", "seg", "depth", "normal"}) {
      paths_[task] = scratch_ / (task + ".pth");
      const std::string kind = task == "features" ? "pretrain" : task;
      run_sapiens({"synth", paths_[task], "--arch", "tiny", "--task", kind});
    }
    make_image(image_path());
    image_ = read_bytes(image_path());
  }

  Scratch scratch_;
  std::map<std::string, std::string> paths_;
  std::string image_;
};

inline std::string many_boxes(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i > 0 ? ";" : "") + std::string("1,1,30,20");
  return text;
}

/// A request that keeps the reference kernels busy for a second or so.
inline Answer ask_slowly(int port) {
  return ask(port, "POST", "/v1/pose?boxes=" + many_boxes(12), {{"Content-Type", "image/png"}},
             Models::get().image());
}

}  // namespace sapiens
