#pragma once

#include <filesystem>

namespace sapiens {

/// Where a file of sapiens is that is not linked to the program or library, a module or a program;
/// empty where there is none. It is searched in the folder that SAPIENS_MODULE_DIR names or,
/// without that, beside the program or shared library that contains this code, in its folder
/// `sapiens`, in `../<lib>/sapiens`, and where it was installed.
std::filesystem::path find_part(const char* file);

}  // namespace sapiens
