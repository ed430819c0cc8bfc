# One folder of src/ is one library, linked to exactly the folders it may include (ARCHITECTURE.md).
#
#   sapiens_layer(reconcile SOURCES rules.cpp reconcile.cpp LAYERS core checkpoint LIBRARIES fmt::fmt)
#
# libsapiens is made of the objects of all layers; tests link just the layer they are about.
function(sapiens_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LAYERS;LIBRARIES" ${ARGN})
  add_library(sapiens_${name} STATIC ${ARG_SOURCES})
  target_include_directories(
    sapiens_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
                           "${PROJECT_BINARY_DIR}/include")
  list(TRANSFORM ARG_LAYERS PREPEND sapiens_)
  target_link_libraries(
    sapiens_${name}
    PUBLIC ${ARG_LAYERS}
    PRIVATE sapiens_options ${ARG_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY SAPIENS_LAYERS sapiens_${name})
endfunction()

# A module of the layer whose CMakeLists.txt this is called in: a library that is loaded at run time, because of what it
# links. It lies in the build tree as it does when installed: bin/ beside lib/.../sapiens/.
#
#   sapiens_module(videoio SOURCES videoio.cpp LIBRARIES sapiens::videoio)
function(sapiens_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(sapiens_${name} MODULE ${ARG_SOURCES})
  target_include_directories(sapiens_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(sapiens_${name} PRIVATE sapiens_options ${ARG_LIBRARIES})
  set_target_properties(
    sapiens_${name}
    PROPERTIES PREFIX ""
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               INSTALL_RPATH_USE_LINK_PATH ON
               LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}/sapiens")
endfunction()

# A command that is a program of its own, because of what it is linked with: sapiens-NAME, which `sapiens NAME` starts. It
# lies beside the program in the build tree, and is installed where modules are.
#
#   sapiens_part(pull SOURCES main.cpp LIBRARIES sapiens_downloads)
function(sapiens_part name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(sapiens_${name}_program ${ARG_SOURCES})
  target_link_libraries(sapiens_${name}_program PRIVATE sapiens_cli_base ${ARG_LIBRARIES} sapiens_options)
  set_target_properties(
    sapiens_${name}_program
    PROPERTIES OUTPUT_NAME sapiens-${name}
               RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
               INSTALL_RPATH "$ORIGIN/.."
               INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS sapiens_${name}_program RUNTIME DESTINATION "${CMAKE_INSTALL_LIBDIR}/sapiens" COMPONENT program)
endfunction()
