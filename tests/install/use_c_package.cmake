# Builds the C example against the installed tree in WAY, find_package or pkg_config, and runs it on a checkpoint
# that the installed program made.
set(prefix "${SCRATCH}/prefix")
set(example "${SOURCE}/examples/c/features.c")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")
if(WAY STREQUAL "find_package")
  run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/consumer_c" -B "${SCRATCH}/build" -G "${GENERATOR}"
      "-DCMAKE_C_COMPILER=${CC}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXAMPLE=${example}")
  run("${CMAKE_COMMAND}" --build "${SCRATCH}/build")
  set(consumer "${SCRATCH}/build/consumer")
else()
  set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
  execute_process(
    COMMAND pkg-config --cflags --libs sapiens-c
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(consumer "${SCRATCH}/consumer")
  run("${CC}" -std=c11 -Wall -Wextra -pedantic -Werror "${example}" ${flags} -o "${consumer}")
  set(ENV{LD_LIBRARY_PATH} "${prefix}/${LIBDIR}")
endif()
run("${prefix}/bin/sapiens" synth "${SCRATCH}/tiny.pth" --arch tiny)
run("${consumer}" "${SCRATCH}/tiny.pth" "${SOURCE}/samples/person.jpg")
