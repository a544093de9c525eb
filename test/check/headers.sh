#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, so that the order of includes never matters.
. "$(dirname "$0")/../lib/tap.sh"

# alone HEADER: what the compiler says about a file that includes nothing else
alone() {
	printf '#include "%s"\n' "$ROOT/$1" |
		${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -Ilib -Iagent -Ibpf -I. -Ibuild/release/lib/grpc/edgeway_grpc.pb -Ibuild/release/test/grpc/grpc_blob.pb \
			-fsyntax-only -x c - 2>&1 | sed "s|^|$1: |" || :
}
export -f alone
export ROOT

all() {
	sources 'lib/**.h' 'plugins/**.h' 'agent/**.h' 'test/**.h' | xargs -r -P "$(nproc)" -I{} bash -c 'alone {}'
}

verdict "every header compiles alone" all
exit $failed
