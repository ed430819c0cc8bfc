# Defines sapiens::onnx, the protobuf classes of the onnx library, where they are installed. Only the module that is
# loaded when an ONNX file is written links them. Installed programs do not need it.
if(NOT SAPIENS_ONNX OR TARGET sapiens::onnx)
  return()
endif()
find_path(SAPIENS_ONNX_INCLUDE onnx/onnx_pb.h)
find_library(SAPIENS_ONNX_LIBRARY onnx_proto)
find_package(Protobuf QUIET)
mark_as_advanced(SAPIENS_ONNX_INCLUDE SAPIENS_ONNX_LIBRARY)
if(NOT SAPIENS_ONNX_INCLUDE OR NOT SAPIENS_ONNX_LIBRARY OR NOT TARGET protobuf::libprotobuf)
  message(STATUS "The onnx library was not found: no ONNX files. On Debian and Ubuntu: "
                 "apt-get install libonnx-dev libprotobuf-dev")
  return()
endif()
add_library(sapiens::onnx INTERFACE IMPORTED)
# Debian builds it with ONNX_ML, which names the generated header.
set_target_properties(
  sapiens::onnx PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${SAPIENS_ONNX_INCLUDE}"
                           INTERFACE_COMPILE_DEFINITIONS "ONNX_ML=1;ONNX_NAMESPACE=onnx"
                           INTERFACE_LINK_LIBRARIES "${SAPIENS_ONNX_LIBRARY};protobuf::libprotobuf")
