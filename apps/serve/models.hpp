#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "documents/json.hpp"
#include "serve/served_model.hpp"

namespace sapiens::serve {

/// The networks of a server, by name.
class Models {
 public:
  /// Loads all of them. Throws `Error` as ServedModel and PersonDetector do, and InvalidArgument
  /// for no models, names that cannot be names, names that occur twice, and a detector that nobody
  /// needs.
  explicit Models(const ServerOptions& options);

  struct Entry {
    std::string name;
    std::unique_ptr<ServedModel> model;
  };

  const std::vector<Entry>& all() const { return entries_; }
  /// Null where there is none.
  const PersonDetector* detector() const { return detector_.get(); }

  /// The model for a request; without a name the only one that does `task`, or gives features
  /// where there is no task. Throws HttpError: 404
  /// for unknown names, 422 for a model that does something else, 400 where a name is needed.
  const Entry& choose(std::string_view name, std::optional<Task> task) const;

  /// `{"models": [{name, task, path, input_size, precision, report, classes}], "detector":
  /// {precision, report}}`
  const documents::Json& json() const { return json_; }

 private:
  std::unique_ptr<PersonDetector> detector_;
  std::vector<Entry> entries_;
  documents::Json json_;  // made before anything runs, as statistics are not read meanwhile
};

}  // namespace sapiens::serve
