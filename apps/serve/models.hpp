#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "documents/json.hpp"
#include "serve/served_model.hpp"

namespace sapiens::serve {

/// The networks of a server, by name.
class Models {
 public:
  /// Loads all of them. Throws `Error` as `load_model` does, and InvalidArgument for no models,
  /// names that cannot be names, and names that occur twice.
  Models(const std::vector<NamedCheckpoint>& checkpoints, const EngineOptions& engine);

  struct Entry {
    std::string name;
    std::unique_ptr<ServedModel> model;
  };

  const std::vector<Entry>& all() const { return entries_; }

  /// The model for a request; without a name the only one that does `task`. Throws HttpError: 404
  /// for unknown names, 422 for a model that does something else, 400 where a name is needed.
  const Entry& choose(std::string_view name, std::string_view task) const;

  /// `{"models": [{name, task, path, input_size, precision, report, classes}]}`
  const documents::Json& json() const { return json_; }

 private:
  std::vector<Entry> entries_;
  documents::Json json_;  // made before anything runs, as statistics are not read meanwhile
};

}  // namespace sapiens::serve
