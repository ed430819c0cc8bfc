# Builds and runs consumer/ in WAY: find_package, pkg_config or add_subdirectory.
set(consumer "${CMAKE_CURRENT_LIST_DIR}/consumer")
set(prefix "${SCRATCH}/prefix")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_with_cmake)
  run("${CMAKE_COMMAND}" -S "${consumer}" -B "${SCRATCH}/build" -G "${GENERATOR}"
      "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_CXX_COMPILER=${CXX}"
      "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" ${ARGN})
  run("${CMAKE_COMMAND}" --build "${SCRATCH}/build" --target consumer)
  run("${SCRATCH}/build/consumer")
endfunction()

# A program that is linked to the archive lies anywhere, so it is told where the module of this prefix is.
function(open_a_video consumer)
  if(VIDEO)
    set(ENV{SAPIENS_MODULE_DIR} "${prefix}/${LIBDIR}/sapiens")
    run("${consumer}" --video)
  endif()
endfunction()

if(WAY STREQUAL "add_subdirectory")
  # The whole library is compiled once more; this is about building, so not about speed.
  build_with_cmake("-DSAPIENS_SOURCE_DIR=${SOURCE}" "-DDOWNLOADS=${DOWNLOADS}" -DCMAKE_UNITY_BUILD=ON
                   -DCMAKE_CXX_FLAGS_RELEASE=-O0 -DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O0)
  return()
endif()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")
foreach(file man/man1/sapiens.1 man/man1/sapiens-features.1 bash-completion/completions/sapiens
             zsh/site-functions/_sapiens fish/vendor_completions.d/sapiens.fish)
  if(NOT EXISTS "${prefix}/share/${file}")
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()
# What most runs do not need is in a module and in programs of its own.
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${prefix}/bin/sapiens" RESOLVED_DEPENDENCIES_VAR libraries
                                          UNRESOLVED_DEPENDENCIES_VAR missing)
foreach(library IN LISTS libraries)
  if(library MATCHES "httplib|ssl|curl|videoio|onnx|protobuf")
    message(FATAL_ERROR "the program is linked with ${library}")
  endif()
endforeach()
if(ONNX)
  run("${prefix}/bin/sapiens" synth "${SCRATCH}/tiny.pth" --arch tiny)
  run("${prefix}/bin/sapiens" convert "${SCRATCH}/tiny.pth" "${SCRATCH}/tiny.onnx")
endif()
if(SERVER)
  execute_process(COMMAND "${prefix}/bin/sapiens" serve --model "${SCRATCH}/none.pth" ERROR_VARIABLE error)
  if(NOT error MATCHES "none.pth")
    message(FATAL_ERROR "the program of the server was not found: ${error}")
  endif()
endif()
if(DOWNLOADS)
  # An address where nothing listens: no test asks the real hub.
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env HF_ENDPOINT=http://127.0.0.1:1 "${prefix}/bin/sapiens" pull detector
                          --yes --retries 0 ERROR_VARIABLE error)
  if(NOT error MATCHES "the connection to the hub failed")
    message(FATAL_ERROR "the program of downloads was not found: ${error}")
  endif()
endif()
if(WAY STREQUAL "find_package")
  build_with_cmake("-DCMAKE_PREFIX_PATH=${prefix}" "-DDOWNLOADS=${DOWNLOADS}")
  open_a_video("${SCRATCH}/build/consumer")
else()
  set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
  execute_process(
    COMMAND pkg-config --cflags --libs sapiens
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run("${CXX}" -std=c++20 "${consumer}/main.cpp" ${flags} -o "${SCRATCH}/consumer")
  set(ENV{LD_LIBRARY_PATH} "${prefix}/${LIBDIR}")
  run("${SCRATCH}/consumer")
  open_a_video("${SCRATCH}/consumer")
endif()
