# SPDX-License-Identifier: Apache-2.0
# cni_plugin(NAME SOURCE...): an executable that a runtime calls; this line is its registration.
function(cni_plugin name)
	add_executable(${name} ${ARGN})
	target_link_libraries(${name} PRIVATE edgeway)
	if(EDGEWAY_STATIC)
		# One segment for code and constants: fewer pages to map for a process this short-lived.
		target_link_options(${name} PRIVATE -static -Wl,-z,noseparate-code)
		set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
	endif()
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
