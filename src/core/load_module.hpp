#pragma once

#include <cstdint>
#include <string>

namespace sapiens {

/// A shared library of sapiens that is loaded at run time, because of what it is linked to. It
/// exports one function, `const void* entry() noexcept`, which returns a table of functions whose
/// first member is the `std::uint32_t` version of the table.
struct ModuleFile {
  const char* file;
  const char* entry;
  std::uint32_t version;
  const char* needs;   ///< What it is linked to, and how to install that.
  const char* absent;  ///< What is not possible without it: "this sapiens cannot write ONNX files".
};

/// The table of a module, which is loaded on first use and never unloaded (core/find_part.hpp
/// describes where it is searched). Throws Error(UnsupportedFormat) that names `used_for` where
/// there is none, and where its table has another version.
const void* require_module(const ModuleFile& module, std::string used_for);

/// True if `require_module` would return a table. If not, `why`, unless null, receives a text that
/// says why, and how to install the module.
bool module_available(const ModuleFile& module, std::string* why);

}  // namespace sapiens
