# find_package(bluestem), then target_link_libraries(mine bluestem::bluestem).
include(CMakeFindDependencyMacro)
find_dependency(fmt)
get_filename_component(_bluestem_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET bluestem::bluestem)
  add_library(bluestem::bluestem SHARED IMPORTED)
  set_target_properties(bluestem::bluestem PROPERTIES IMPORTED_LOCATION "${_bluestem_prefix}/lib/libbluestem.so"
                        INTERFACE_INCLUDE_DIRECTORIES "${_bluestem_prefix}/include" INTERFACE_COMPILE_FEATURES cxx_std_20
                        INTERFACE_LINK_LIBRARIES fmt::fmt)
endif()
