#pragma once

#include <sapiens/image.hpp>
#include <string_view>

#include "documents/json.hpp"
#include "serve/compute_queue.hpp"
#include "serve/fields.hpp"
#include "serve/http_message.hpp"

namespace sapiens::serve {

/// Everything an answer is made of.
struct Answered {
  const Operation& operation;
  const Models::Entry& entry;
  const Fields& fields;
  const Image& image;
  const RunSettings& settings;
  const Computed& computed;
  double decode = 0;      ///< Seconds.
  double preprocess = 0;  ///< Seconds.
};

/// The answer as `type`, one of the operation's. Throws what `check` throws.
Response make_answer(const Answered& answered, std::string_view type, const StopCheck& check);

}  // namespace sapiens::serve
