# Writes a header with the files of the page in it:
#
#   cmake -DOUTPUT=page_files.hpp "-DFILES=a/index.html;a/page.js" -P embed_page.cmake
set(text "#pragma once

#include <string_view>

namespace sapiens::serve {

struct PageFile {
  std::string_view name, content;
};

")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  # As numbers, since compilers limit the length of a literal.
  file(READ "${file}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND text "inline constexpr char kPageBytes${number}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", {kPageBytes${number}, ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "
inline constexpr PageFile kPageFiles[] = {
${rows}};

}  // namespace sapiens::serve
")
file(WRITE "${OUTPUT}" "${text}")
