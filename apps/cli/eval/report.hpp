#pragma once

#include <string>

#include "cli/eval/measure.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What `sapiens eval` has to tell.
struct EvalReport {
  Task task = Task::Pose;
  std::string what = {};   ///< What was evaluated: "model.pth: ..", or a file of found persons.
  Json settings = {};      ///< How the results were made.
  std::string truth = {};  ///< The folder or file of what is true.
  std::string boxes = {};  ///< Where persons were looked for; empty for tasks without.
  Index images = 0;        ///< Compared.
  Index without_truth = 0, failed = 0;
  Json files = Json::object();  ///< What of COCO files and folders was used.
  Scores scores = {};
};

/// A table for people.
std::string report_text(const EvalReport& report);
Json report_json(const EvalReport& report);

}  // namespace sapiens::cli
