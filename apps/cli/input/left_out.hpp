#pragma once

#include <string>
#include <vector>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// Why something that was found is not among the inputs.
enum class LeftOutReason {
  Repeated,      ///< The same name was given before.
  Hidden,        ///< Its name begins with a dot.
  Folder,        ///< In a folder, and -r was not given.
  Labels,        ///< photo_seg.png beside photo.jpg.
  OtherKind,     ///< Neither an image nor whatever else is taken out of folders.
  BrokenLink,    ///< Its target does not exist.
  Loop,          ///< A linked folder that leads back to one above it.
  OutputFolder,  ///< Results are no inputs.
  Comment,       ///< A line of a list that begins with #.
};

/// What was left out for one reason.
struct LeftOut {
  LeftOutReason reason = LeftOutReason::Hidden;
  std::size_t count = 0;
  std::vector<std::string> examples = {};  ///< The first of them; at most kMaxExamples.

  static constexpr std::size_t kMaxExamples = 10;
};

/// One entry per reason that occurred, in the order of the reasons.
class LeftOutList {
 public:
  void add(LeftOutReason reason, const std::string& path);
  LeftOutList without(LeftOutReason reason) const;
  const std::vector<LeftOut>& entries() const { return entries_; }

 private:
  std::vector<LeftOut> entries_;
};

/// "left out: 3 hidden files or folders: .a, .b, .c", one line per reason.
std::vector<std::string> left_out_lines(const LeftOutList& list);

/// [{"reason": "hidden", "count": 3, "examples": [".a", ".b", ".c"]}]
Json left_out_json(const LeftOutList& list);

}  // namespace sapiens::cli
