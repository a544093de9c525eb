# SPDX-License-Identifier: Apache-2.0
# How every file of ours is compiled.
add_compile_options(
	-std=gnu17 -D_GNU_SOURCE -DEDGEWAY_VERSION="${PROJECT_VERSION}"
	-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings
	-Wimplicit-fallthrough -fvisibility=hidden)

if(EDGEWAY_SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
	set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
	set(CMAKE_C_FLAGS_RELEASE "-O2")
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
		-fstack-clash-protection -ffunction-sections -fdata-sections)
	add_link_options(-Wl,--gc-sections -Wl,-z,relro,-z,now)
	if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
		add_compile_options(-fcf-protection)
	endif()
endif()
