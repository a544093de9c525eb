#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file stays below 500 lines and a function below 70, so that each can be read in one go.
. "$(dirname "$0")/../lib/tap.sh"

MAX_FILE=500
MAX_FUNCTION=70

# Exceptions: "path" or "path:function", each with its reason: [path]="why".
declare -A EXCEPTIONS=()

# long_files: a file's lines, its comments included
long_files() {
	{
		sources '*.c' '*.h'
		shell_sources
		python_sources
	} | xargs -r wc -l | awk -v max=$MAX_FILE '$2 != "total" && $1 >= max { print $2, $1 " lines" }'
}

# long_braces: functions of C and shell, which start with a line that opens a brace (alone in C,
# after the name in shell) and end with a brace in the first column
long_braces() {
	{
		sources '*.c' '*.h'
		shell_sources
	} | xargs -r awk -v max=$MAX_FUNCTION '
		FNR == 1 { start = 0 }
		/^[a-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
		/^\{/ || /^[a-zA-Z_]+\(\) \{$/ { start = FNR }
		/^\}/ && start { if (FNR - start + 1 >= max)
			print FILENAME ":" name, FNR - start + 1 " lines, from line " start
			start = 0 }'
}

long_python() {
	python_sources | xargs -r /usr/bin/python3 -c '
import ast, sys
for path in sys.argv[2:]:
    for node in ast.walk(ast.parse(open(path).read())):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines >= int(sys.argv[1]):
                print(f"{path}:{node.name} {lines} lines, from line {node.lineno}")
' $MAX_FUNCTION
}

# without_exceptions: stdin without the lines whose first word is excepted
without_exceptions() {
	local what rest
	while read -r what rest; do
		[ -n "${EXCEPTIONS[$what]:-}" ] || echo "$what $rest"
	done
}

files() { long_files | without_exceptions; }
functions() { { long_braces && long_python; } | without_exceptions; }

verdict "files stay below $MAX_FILE lines" files
verdict "functions stay below $MAX_FUNCTION lines" functions
exit $failed
