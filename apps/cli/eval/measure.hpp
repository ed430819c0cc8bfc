#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/eval/set.hpp"
#include "cli/run/frame.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// One number.
struct Metric {
  std::string name = {};
  std::optional<double> value = {};  ///< Empty: there was nothing to compute it from.
  std::string meaning = {};
  int digits = 4;  ///< Behind the point.
};

/// How good the results of one task are.
struct Scores {
  std::vector<Metric> metrics = {};
  std::vector<Metric> parts = {};  ///< The same for single keypoints or classes.
  Json counted = Json::object();   ///< What was compared: pixels, persons.
  Json left_out = Json::object();  ///< Persons that were not, and why.
  std::string conventions = {};    ///< What a reader must know to compare them with others.
};

/// Compares results with what is true, one image after the other.
class Measure {
 public:
  virtual ~Measure() = default;
  /// False where the image has nothing to compare. Throws what is wrong with it.
  virtual bool add(const EvalImage& image, const Frame& frame) = 0;
  virtual Scores scores() const = 0;
};

}  // namespace sapiens::cli
