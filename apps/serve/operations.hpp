#pragma once

#include <map>
#include <optional>
#include <sapiens/results.hpp>
#include <sapiens/task.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "documents/json.hpp"
#include "serve/options.hpp"

namespace sapiens::serve {

enum class ParameterKind {
  Text,
  Choice,  ///< One of `choices`.
  List,    ///< One or more of `choices`, separated by commas.
  Flag,    ///< "true" or "false".
  Whole,   ///< An integer.
  Boxes,   ///< "x,y,width,height;..." or [[x, y, width, height], ...]
};

/// A field beside the image. Requests are checked against these, and /openapi.json is made from
/// them.
struct Parameter {
  std::string_view name;
  ParameterKind kind;
  std::string_view initial;  ///< Where it is not given; empty: nothing.
  std::string_view help;
  std::vector<std::string_view> choices = {};
};

/// A POST of an image.
struct Operation {
  std::optional<Task> task;  ///< Nothing for features.
  std::string path;
  std::string_view summary;
  std::string_view npy;  ///< What the array is; empty where there is none.
  std::string_view png;  ///< What the drawing shows.
  std::vector<Parameter> parameters;

  /// Of answers, the preferred one first.
  std::vector<std::string_view> types() const;
};

std::span<const Operation> operations();

/// A GET without fields.
struct Resource {
  std::string_view path;
  std::string_view name;  ///< As /openapi.json calls it.
  std::string_view summary;
  const char* type;
  bool needs_token;  ///< Where the server has one.
};

std::span<const Resource> resources() noexcept;

/// Null where there is none.
const Resource* find_resource(std::string_view path) noexcept;

/// What requests and answers call it: "features" without a task.
std::string_view task_word(std::optional<Task> task) noexcept;

/// Null where there is none.
const Operation* find_operation(std::string_view path);

/// What a request says beside its image: every name is one of the operation's, once, and every
/// value of its kind. Throws HttpError 400 otherwise.
class Fields {
 public:
  explicit Fields(const Operation& operation) : operation_(operation) {}

  void add(const std::string& name, const std::string& value);

  /// The value that was given, else the initial one.
  std::string text(std::string_view name) const;
  bool flag(std::string_view name) const { return text(name) == "true"; }
  /// What commas separate in it.
  std::vector<std::string> list(std::string_view name) const;
  Index whole(std::string_view name) const;
  std::vector<Box> boxes(std::string_view name) const;

 private:
  const Operation& operation_;
  std::map<std::string, std::string> given_;
};

/// The description of all paths, as OpenAPI 3.0, made from the table of operations.
documents::Json openapi_document(const ServerOptions& options);

}  // namespace sapiens::serve
