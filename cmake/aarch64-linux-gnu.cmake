# Toolchain: GCC 12 for 64-bit ARM on Debian, whose programs run under qemu-user. tools/aarch64.sh makes the sysroot and
# builds with it:
#
#   cmake --preset aarch64 -DCMAKE_SYSROOT=FOLDER
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc-12)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++-12)

# Programs come from this machine, headers and libraries from the sysroot.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Debian selects one of several BLAS and LAPACK libraries, which OpenCV needs, by links that only a configured system has.
set(_sapiens_libraries "${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu")
foreach(_kind EXE SHARED MODULE)
  string(APPEND CMAKE_${_kind}_LINKER_FLAGS_INIT
         " -Wl,-rpath-link,${_sapiens_libraries}/blas -Wl,-rpath-link,${_sapiens_libraries}/lapack")
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR
    "qemu-aarch64-static;-L;${CMAKE_SYSROOT};-E;LD_LIBRARY_PATH=${_sapiens_libraries}/blas:${_sapiens_libraries}/lapack")
