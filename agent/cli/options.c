// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct {
	const char *name;
	char letter;       ///< '\0' if there is none
	const char *value; ///< what its value is called, or NULL: it takes none
	const char *help;
} options[OPTIONS] = {
	[OPTION_CONFIG] = {"config", '\0', "FILE",
			   "resources are as in this configuration of the device plugin, not as "
			   "in /etc/pcidp/config.json"},
	[OPTION_COUNT] = {"count", 'c', "N", "end after this many"},
	[OPTION_DROPS] = {"drops", '\0', NULL, "only what is dropped"},
	[OPTION_FOLLOW] = {"follow", 'f', NULL, "go on until interrupted"},
	[OPTION_JSON] = {"json", '\0', NULL, "print JSON, as docs/cli.md describes it"},
	[OPTION_POD] = {"pod", '\0', "POD",
			"only of this pod: an address, the beginning of a container's id, or the "
			"name of the node's end"},
	[OPTION_REASONS] = {"reasons", '\0', NULL, "list the reasons that there are"},
	[OPTION_WRITE] = {"write", 'w', "FILE", "where to write to; - is standard output"},
	[OPTION_HELP] = {"help", 'h', NULL, "this text"},
};

static bool accepts(const struct cli_command *command, int option)
{
	return option == OPTION_HELP || (command->options & (1U << option));
}

/** The option that @word, of @len characters behind its dashes, is for @command; -1 if none. */
static int find(const struct cli_command *command, const char *word, size_t len, bool is_letter)
{
	for (int i = 0; i < OPTIONS; i++) {
		if (!accepts(command, i))
			continue;
		if (is_letter ? *word == options[i].letter
			      : strlen(options[i].name) == len &&
					!strncmp(options[i].name, word, len))
			return i;
	}
	return -1;
}

static int read_count(const char *text, int *out, struct err *e)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > INT_MAX)
		return err_set(e, ERR_CONFIG, "--%s: \"%s\": must be a number, 1 or more",
			       options[OPTION_COUNT].name, text);
	*out = (int)n;
	return 0;
}

/** Take the option in argv[*@i], and its value from behind it. */
static int take(const struct cli_command *command, int argc, const char *const *argv, int *i,
		struct cli_args *out, struct err *e)
{
	const char *word = argv[*i];
	bool is_letter = word[1] != '-';
	const char *name = word + (is_letter ? 1 : 2);
	size_t len = is_letter ? 1 : strcspn(name, "=");
	const char *value = name[len] ? name + len + !is_letter : NULL;
	int option = find(command, name, len, is_letter);

	if (option < 0 || (value && is_letter && !options[option].value))
		return err_set(e, ERR_CONFIG, "%s: unknown option", word);
	if (value && !options[option].value)
		return err_set(e, ERR_CONFIG, "%s: takes no value", word);
	if (!options[option].value)
		value = "";
	else if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value || (options[option].value && !*value))
		return err_set(e, ERR_CONFIG, "%s: %s is missing", word, options[option].value);
	out->value[option] = value;
	return option == OPTION_COUNT ? read_count(value, &out->count, e) : 0;
}

int cli_parse(const struct cli_command *command, int argc, const char *const *argv,
	      struct cli_args *out, struct err *e)
{
	struct cli_args args = {};
	bool only_operands = false;

	for (int i = 0; i < argc; i++) {
		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
		} else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
			if (take(command, argc, argv, &i, &args, e) < 0)
				return -1;
		} else if (!command->operand || args.operand) {
			return err_set(e, ERR_CONFIG, "\"%s\": too many words", argv[i]);
		} else {
			args.operand = argv[i];
		}
	}
	if (!cli_has(&args, OPTION_HELP) && command->operand && !args.operand)
		return err_set(e, ERR_CONFIG, "%s is missing", command->operand);
	for (int i = 0; i < OPTIONS && !cli_has(&args, OPTION_HELP); i++)
		if ((command->required & (1U << i)) && !args.value[i])
			return err_set(e, ERR_CONFIG, "--%s %s is missing", options[i].name,
				       options[i].value);
	*out = args;
	return 0;
}

void cli_help(FILE *out, const struct cli_command *command)
{
	(void)fprintf(out, "edgeway %s%s%s [OPTION]... - %s\n\n", command->name,
		      command->operand ? " " : "", command->operand ? command->operand : "",
		      command->about);
	if (command->details)
		(void)fprintf(out, "%s\n", command->details);
	for (int i = 0; i < OPTIONS; i++) {
		char word[32];
		int n = 0;

		if (!accepts(command, i))
			continue;
		if (options[i].letter)
			n = snprintf(word, sizeof(word), "-%c, ", options[i].letter);
		(void)snprintf(word + n, sizeof(word) - (size_t)n, "--%s%s%s", options[i].name,
			       options[i].value ? " " : "",
			       options[i].value ? options[i].value : "");
		(void)fprintf(out, "  %-20s %s%s\n", word, options[i].help,
			      command->required & (1U << i) ? " (required)" : "");
	}
}
