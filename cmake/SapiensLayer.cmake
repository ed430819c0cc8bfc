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
