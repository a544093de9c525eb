# SPDX-License-Identifier: Apache-2.0
# What the plugins stand on: a C library and jansson.
#
# Static plugins use musl where deploy/packages has compiled jansson for it: a process starts in a
# third of the time that glibc takes (its CPUID instructions are slow under a hypervisor). Without
# it, and for dynamic builds, it is the system's glibc and jansson.
set(musl ${PROJECT_SOURCE_DIR}/build/deps/musl)
find_file(MUSL_SPECS musl-gcc.specs PATHS /usr/lib/${CMAKE_SYSTEM_PROCESSOR}-linux-musl
	NO_DEFAULT_PATH)
add_library(runtime INTERFACE)
add_library(jansson INTERFACE)
target_link_libraries(jansson INTERFACE runtime)

if(EDGEWAY_STATIC AND EDGEWAY_MUSL AND MUSL_SPECS AND EXISTS ${musl}/lib/libjansson.a)
	message(STATUS "static plugins: musl")
	# The specs know musl's headers only; the kernel's are beside glibc's, so those come last.
	execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE triplet
		OUTPUT_STRIP_TRAILING_WHITESPACE)
	target_compile_options(runtime INTERFACE -specs=${MUSL_SPECS}
		"SHELL:-idirafter /usr/include" "SHELL:-idirafter /usr/include/${triplet}")
	target_link_options(runtime INTERFACE -specs=${MUSL_SPECS})
	target_include_directories(jansson SYSTEM INTERFACE ${musl}/include)
	target_link_libraries(jansson INTERFACE ${musl}/lib/libjansson.a)
else()
	if(EDGEWAY_STATIC)
		message(STATUS "static plugins: glibc")
		find_library(JANSSON_LIBRARY libjansson.a)
	else()
		find_library(JANSSON_LIBRARY jansson)
	endif()
	find_path(JANSSON_INCLUDE jansson.h)
	if(NOT JANSSON_INCLUDE OR NOT JANSSON_LIBRARY)
		message(FATAL_ERROR "jansson is missing; as root, run: deploy/packages build")
	endif()
	target_include_directories(jansson SYSTEM INTERFACE ${JANSSON_INCLUDE})
	target_link_libraries(jansson INTERFACE ${JANSSON_LIBRARY})
endif()
