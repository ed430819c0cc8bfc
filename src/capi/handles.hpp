#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/report.hpp"
#include "sapiens/sapiens.h"

/// One array of numbers, `layer` and `out_type` for features alone.
struct sapiens_array {
  std::vector<std::int64_t> shape = {};
  std::variant<std::vector<float>, std::vector<std::uint8_t>, std::vector<sapiens_box>> values = {};
  std::int64_t layer = -1;
  std::int32_t out_type = -1;
};

struct sapiens_result {
  std::vector<sapiens_array> arrays = {};
};

struct sapiens_checkpoint {
  sapiens::Checkpoint checkpoint;
};

/// Texts are created once, because the caller receives pointers to them.
struct sapiens_report {
  explicit sapiens_report(const sapiens::Inspection& inspected)
      : inspection(inspected), text(inspected.text()), json(inspected.json()) {}

  sapiens::Inspection inspection;
  std::string text, json;
  std::vector<std::string> warnings;  // of a conversion
};
