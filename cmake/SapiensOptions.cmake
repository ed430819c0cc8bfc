# Compiler options every target of this project shares. Consumers never see them.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(sapiens_options INTERFACE)
target_compile_options(
  sapiens_options INTERFACE -Wall -Wextra -Wshadow -Wpedantic -Wconversion -Wno-sign-conversion
                            -fno-math-errno $<$<BOOL:${SAPIENS_WERROR}>:-Werror>)
# GCC 12 sees overlapping copies in std::string's operator+= (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(sapiens_options INTERFACE -Wno-restrict)
endif()
if(SAPIENS_SANITIZE)
  target_compile_options(sapiens_options INTERFACE -fsanitize=${SAPIENS_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(sapiens_options INTERFACE -fsanitize=${SAPIENS_SANITIZE})
endif()
