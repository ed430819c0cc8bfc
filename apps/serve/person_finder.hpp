#pragma once

#include <memory>
#include <sapiens/detector.hpp>
#include <string>
#include <vector>

namespace sapiens::serve {

/// Finds persons in images that come without boxes. One call at a time.
class PersonFinder {
 public:
  /// Null where `path` is empty. Throws `Error` as `PersonDetector` does.
  static std::unique_ptr<PersonFinder> load(const std::string& path, const DetectOptions& options,
                                            const EngineOptions& engine);

  const Inspection& inspection() const { return detector_.inspection(); }
  EngineStats stats() const { return detector_.stats(); }

  /// Best first; empty where there is nobody.
  std::vector<Box> find(const Image& image, const StopCheck& check);

 private:
  PersonFinder(const Checkpoint& checkpoint, const DetectOptions& options,
               const EngineOptions& engine)
      : detector_(checkpoint, engine), options_(options) {}

  PersonDetector detector_;
  const DetectOptions options_;
};

}  // namespace sapiens::serve
