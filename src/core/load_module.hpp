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
  const char* needs;  ///< What it is linked to, and how to install that.
};

/// Why a module is not available, and how to install it.
struct MissingModule {
  std::string reason = {};
  std::string hint = {};
};

/// The table of a module, which is loaded on first use and never unloaded (core/find_part.hpp
/// describes where it is searched). Null with `missing` filled where there is none, and where its
/// table has another version.
const void* load_module(const ModuleFile& name, MissingModule& missing);

}  // namespace sapiens
