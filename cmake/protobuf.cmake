# SPDX-License-Identifier: Apache-2.0
# protobuf_messages(TARGET FILE...): the C code that protobuf-c makes of these .proto files, and
# their directory of headers, added to the target.
function(protobuf_messages target)
	set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}.pb)
	file(MAKE_DIRECTORY ${dir})
	foreach(file ${ARGN})
		cmake_path(GET file STEM name)
		cmake_path(GET file PARENT_PATH from)
		set(source ${dir}/${name}.pb-c.c)
		add_custom_command(OUTPUT ${source} ${dir}/${name}.pb-c.h
			COMMAND ${PROTOC_C} --c_out=${dir} --proto_path=${CMAKE_CURRENT_SOURCE_DIR}/${from}
				${CMAKE_CURRENT_SOURCE_DIR}/${file}
			DEPENDS ${file} VERBATIM)
		set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS -w) # not ours
		target_sources(${target} PRIVATE ${source} ${dir}/${name}.pb-c.h)
	endforeach()
	target_include_directories(${target} SYSTEM PUBLIC ${dir})
endfunction()
