# SPDX-License-Identifier: Apache-2.0
# jansson and libmnl, as static archives for static plugins. Where the distribution has no archive
# of libmnl, deploy/packages builds one into build/deps.
find_path(MNL_INCLUDE libmnl/libmnl.h HINTS ${PROJECT_SOURCE_DIR}/build/deps/include REQUIRED)
find_path(JANSSON_INCLUDE jansson.h REQUIRED)
if(EDGEWAY_STATIC)
	find_library(MNL_LIBRARY libmnl.a HINTS ${PROJECT_SOURCE_DIR}/build/deps/lib)
	find_library(JANSSON_LIBRARY libjansson.a)
else()
	find_library(MNL_LIBRARY mnl)
	find_library(JANSSON_LIBRARY jansson)
endif()
if(NOT MNL_LIBRARY OR NOT JANSSON_LIBRARY)
	message(FATAL_ERROR "libmnl or libjansson is missing; as root, run: deploy/packages build")
endif()

foreach(lib MNL JANSSON)
	string(TOLOWER ${lib} name)
	add_library(${name} INTERFACE)
	target_include_directories(${name} SYSTEM INTERFACE ${${lib}_INCLUDE})
	target_link_libraries(${name} INTERFACE ${${lib}_LIBRARY})
endforeach()
