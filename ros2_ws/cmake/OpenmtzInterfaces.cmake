# What openmtz_interfaces, simulation_interfaces and tf2_msgs share. Include after every find_package().
#
# On a sourced ROS 2 nothing is changed. On the pip wheels of ROS 2 (prefix = a Python venv):
#  - the wheels' imported targets carry include directories of the machine that built them
#    (/opt/python/...), which CMake refuses as they do not exist: they are dropped;
#  - only what rclpy over Fast DDS loads is generated, which saves half of the build (the C
#    introspection is among it: Fast DDS registers the type object from it).
#    -DOPENMTZ_ALL_GENERATORS=ON builds the C++ parts too.

option(OPENMTZ_ALL_GENERATORS "Also generate the C++ code on the ROS wheels" OFF)

# Is the ROS in use the wheels'? They lay their prefix out in the venv itself.
get_filename_component(_openmtz_prefix "${rosidl_default_generators_DIR}/../../.." ABSOLUTE)
if(EXISTS "${_openmtz_prefix}/pyvenv.cfg")
  set(OPENMTZ_ROS_WHEELS TRUE)
else()
  set(OPENMTZ_ROS_WHEELS FALSE)
endif()

function(openmtz_drop_missing_include_directories)
  get_property(_targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(_target IN LISTS _targets)
    get_target_property(_dirs "${_target}" INTERFACE_INCLUDE_DIRECTORIES)
    if(_dirs MATCHES "/opt/python/")
      set(_kept "")
      foreach(_dir IN LISTS _dirs)
        if(EXISTS "${_dir}" OR NOT _dir MATCHES "^/opt/python/")
          list(APPEND _kept "${_dir}")
        endif()
      endforeach()
      set_target_properties("${_target}" PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_kept}")
    endif()
  endforeach()
endfunction()

if(OPENMTZ_ROS_WHEELS)
  openmtz_drop_missing_include_directories()
  if(NOT OPENMTZ_ALL_GENERATORS)
    list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE
      REGEX "^(rosidl_generator_cpp|rosidl_typesupport_(fastrtps_|introspection_)?cpp):")
    message(STATUS "ROS wheels: generating ${AMENT_EXTENSIONS_rosidl_generate_idl_interfaces}")
  endif()
endif()

# Call after rosidl_generate_interfaces. On the ROS wheels the generated sources are compiled some ten at a time:
# nearly all of a compiler's time goes into the headers, which each of them includes. Not in the generator's own
# library: two of its sources for each interface have static data of the same names.
function(openmtz_compile_together _name)
  if(NOT OPENMTZ_ROS_WHEELS OR OPENMTZ_ALL_GENERATORS)
    return()
  endif()
  foreach(_library typesupport_fastrtps_c typesupport_introspection_c typesupport_c)
    if(TARGET ${_name}__rosidl_${_library})
      set_target_properties(${_name}__rosidl_${_library} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    endif()
  endforeach()
endfunction()
