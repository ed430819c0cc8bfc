#pragma once

#include <sapiens/labels.hpp>

#include "documents/json.hpp"

namespace sapiens::documents {

/// `[{id, name, color}]` of a model with `count` classes. `set` may be null: numbers are then their
/// names, and nothing tells colours.
Json classes_json(Index count, const SegClassSet* set);

}  // namespace sapiens::documents
