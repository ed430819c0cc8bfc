#include "serve/person_finder.hpp"

#include "serve/options.hpp"

namespace sapiens::serve {

std::unique_ptr<PersonFinder> PersonFinder::load(const std::string& path,
                                                 const DetectOptions& options,
                                                 const EngineOptions& engine) {
  if (path.empty()) return nullptr;
  // As in the commands, a precision is about the networks behind it.
  EngineOptions own = engine;
  own.precision = Precision::Auto;
  return std::unique_ptr<PersonFinder>(new PersonFinder(Checkpoint::open(path), options, own));
}

std::vector<Box> PersonFinder::find(const Image& image, const StopCheck& check) {
  DetectOptions options = options_;
  options.check = check;
  return detector_.detect(image, options).persons;
}

}  // namespace sapiens::serve
