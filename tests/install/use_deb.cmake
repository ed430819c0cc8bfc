# Makes the Debian packages, unpacks them, and uses what came out: the program, and the C example with pkg-config.
set(example "${SOURCE}/examples/c/features.c")
set(root "${SCRATCH}/root")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# `field` of the package whose file matches `pattern`.
function(ask_package pattern field out)
  file(GLOB deb "${SCRATCH}/packages/${pattern}")
  execute_process(COMMAND dpkg-deb -f "${deb}" ${field} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
execute_process(COMMAND "${CPACK}" -G DEB -B "${SCRATCH}/packages" WORKING_DIRECTORY "${BUILD}" OUTPUT_QUIET
                        COMMAND_ERROR_IS_FATAL ANY)
file(GLOB packages "${SCRATCH}/packages/*.deb")
foreach(package IN LISTS packages)
  message(STATUS "${package}")
  run(dpkg-deb -x "${package}" "${root}")
endforeach()

ask_package("sapiens_*.deb" Depends depends)
if(NOT depends MATCHES "libopencv-imgproc" OR depends MATCHES "videoio|onnx|protobuf")
  message(FATAL_ERROR "the program depends on: ${depends}")
endif()
ask_package("libsapiens-c*.deb" Depends depends)
if(NOT depends MATCHES "libopencv-core")
  message(FATAL_ERROR "the C library depends on: ${depends}")
endif()

foreach(file man/man1/sapiens.1.gz man/man1/sapiens-features.1.gz bash-completion/completions/sapiens
             zsh/vendor-completions/_sapiens fish/vendor_completions.d/sapiens.fish)
  if(NOT EXISTS "${root}/usr/share/${file}")
    message(FATAL_ERROR "no package has ${file}")
  endif()
endforeach()
file(GLOB plain_pages "${root}/usr/share/man/man1/*.1")
if(plain_pages)
  message(FATAL_ERROR "man pages that are not compressed: ${plain_pages}")
endif()

run("${root}/usr/bin/sapiens" synth "${SCRATCH}/tiny.pth" --arch tiny)
if(ONNX)
  ask_package("sapiens-onnx_*.deb" Depends depends)
  if(NOT depends MATCHES "libonnx")
    message(FATAL_ERROR "the module for ONNX files depends on: ${depends}")
  endif()
  run("${root}/usr/bin/sapiens" convert "${SCRATCH}/tiny.pth" "${SCRATCH}/tiny.onnx")
endif()
set(ENV{PKG_CONFIG_PATH} "${root}/usr/${LIBDIR}/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${root}/usr/${LIBDIR}")
execute_process(
  COMMAND pkg-config --cflags --libs sapiens-c
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
run("${CC}" -std=c11 "${example}" ${flags} -o "${SCRATCH}/consumer")
run("${SCRATCH}/consumer" "${SCRATCH}/tiny.pth" "${SOURCE}/samples/person.jpg")
