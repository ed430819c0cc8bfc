#pragma once

#include <string>

namespace sapiens::hub {

/// What the hub knows a user by.
struct Token {
  std::string text = {};  ///< Empty without one.
  std::string source =
      {};  ///< Where it was given, for messages: "HF_TOKEN", "/home/ada/.../token".
};

/// `given` if it is not empty; else the token that Hugging Face's tools would send: of the
/// environment, or of the file that their login writes. Spaces and line breaks around it are
/// removed. Throws InvalidArgument for other characters that no token has (a line break within it
/// would begin another header), and for a file that is there and cannot be read.
Token find_token(const std::string& given);

}  // namespace sapiens::hub
