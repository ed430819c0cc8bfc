#include "documents/seg_json.hpp"

#include <string>

namespace sapiens::documents {

Json classes_json(Index count, const SegClassSet* set) {
  Json classes = Json::array();
  for (Index id = 0; id < count; ++id) {
    Json one = {{"id", id}};
    if (set) {
      const SegClass& known = set->classes[static_cast<std::size_t>(id)];
      one["name"] = known.name;
      one["color"] = {known.color.red, known.color.green, known.color.blue};
    } else {
      one["name"] = std::to_string(id);
    }
    classes.push_back(std::move(one));
  }
  return classes;
}

}  // namespace sapiens::documents
