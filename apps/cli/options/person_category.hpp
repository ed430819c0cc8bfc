#pragma once

#include <string>

namespace sapiens::cli {

/// Which `category_id` of a COCO file persons have.
struct PersonCategory {
  std::string id = "1";                      ///< COCO's, as id_text() spells it.
  bool chosen = false;                       ///< By the user.
  std::string option = "--person-category";  ///< Which chooses another.
};

}  // namespace sapiens::cli
