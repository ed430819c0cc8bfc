#include "documents/json.hpp"

#include <sapiens/printable.hpp>

namespace sapiens::documents {

std::string json_text(const Json& document, int indent) {
  return printable_json(document.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace sapiens::documents
