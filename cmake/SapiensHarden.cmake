# Checks in the compiled code, and memory that a fault cannot turn into code (SECURITY.md).
#
# They stand in front of what CMAKE_CXX_FLAGS and so on hold already: the last of two flags counts, so a distribution's
# own win. Variables end with this folder and are written into no package, so whoever uses the library does not inherit them.
option(SAPIENS_HARDEN "Build with a stack protector, checked library calls, read-only relocations and PIE" ON)

# Sanitizers check the same, and do not know the C library's checked calls.
if(NOT SAPIENS_HARDEN OR SAPIENS_SANITIZE)
  return()
endif()
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# A header and not -D: it can see what is defined already, and whether this file is optimised.
set(harden_compiling "-include \"${CMAKE_CURRENT_LIST_DIR}/harden.h\"")
foreach(flag -fstack-protector-strong -fstack-clash-protection)
  check_cxx_compiler_flag(${flag} SAPIENS_HAS${flag})
  if(SAPIENS_HAS${flag})
    string(APPEND harden_compiling " ${flag}")
  endif()
endforeach()
foreach(language C CXX)
  if(CMAKE_${language}_COMPILER_LOADED)
    string(PREPEND CMAKE_${language}_FLAGS "${harden_compiling} ")
  endif()
endforeach()

set(harden_linking "-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack")
check_linker_flag(CXX "${harden_linking}" SAPIENS_HAS_RELRO)
if(SAPIENS_HAS_RELRO)
  foreach(kind EXE SHARED MODULE)
    string(PREPEND CMAKE_${kind}_LINKER_FLAGS "${harden_linking} ")
  endforeach()
endif()
