// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "conf/doc.h"
#include "test.h"

struct sample {
	const char *name, *hidden;
	int64_t mtu, vlan, count;
	bool on, off;
	struct ipaddr ip;
	struct prefix subnet;
	const char *mac;
	struct json_t *any;
	void *list;
	size_t n;
	const char *inner;
};

static const struct conf_field elem_fields[] = {
	conf_prefix(struct sample, subnet, "subnet", .required = true, .help = "a subnet"),
	conf_end,
};
static const struct conf_field elem = {.kind = CONF_OBJ, .sub = elem_fields};
static const struct conf_field set = {.kind = CONF_LIST, .sub = &elem};
static const struct conf_field word = {.kind = CONF_STR};

static const struct conf_field inner_fields[] = {
	conf_str(struct sample, inner, "inner", .str = "", .help = "inside"),
	conf_end,
};

static const struct conf_field fields[] = {
	conf_str(struct sample, name, "name", .str = "cni0", .help = "a name"),
	conf_str(struct sample, hidden, "hidden", .str = "x"),
	conf_int(struct sample, mtu, "mtu", .min = 68, .max = 65535, .help = "a size"),
	conf_int(struct sample, vlan, "vlan", .max = 4094, .help = "a number"),
	conf_int(struct sample, count, "count", .required = true, .help = "a count"),
	conf_bool(struct sample, on, "on", .num = 1, .help = "is on"),
	conf_bool(struct sample, off, "off", .help = "is off"),
	conf_ip(struct sample, ip, "ip", .help = "an address"),
	conf_mac(struct sample, mac, "mac", .help = "a MAC"),
	conf_json(struct sample, any, "any", .sub = inner_fields, .help = "what fits"),
	{.kind = CONF_LIST, .key = "sets", .sub = &set, .help = "sets"},
	{.kind = CONF_LIST, .key = "words", .sub = &word, .help = "words"},
	{.kind = CONF_OBJ, .key = "object", .sub = inner_fields, .help = "an object"},
	{.kind = CONF_FLAG, .key = "maybe", .help = "on, off or neither"},
	{.kind = CONF_MAP, .key = "map", .help = "anything"},
	{.kind = CONF_OBJ, .key = "secret", .sub = inner_fields},
	conf_end,
};

/** What @print writes about the table above. */
static void printed(void (*print)(FILE *, const struct conf_field[]), char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	assert_non_null(out);
	print(out, fields);
	assert_int_equal(fclose(out), 0);
}

static void the_table_in_markdown_has_a_row_for_each_key_with_help(void **state)
{
	char text[4096];

	(void)state;
	printed(conf_print_markdown, text, sizeof(text));
	assert_string_equal(text, "| key | type | default | meaning |\n"
				  "|---|---|---|---|\n"
				  "| `name` | string | \"cni0\" | a name |\n"
				  "| `mtu` | integer (68..65535) | - | a size |\n"
				  "| `vlan` | integer (0..4094) | 0 | a number |\n"
				  "| `count` | integer | required | a count |\n"
				  "| `on` | boolean | true | is on |\n"
				  "| `off` | boolean | false | is off |\n"
				  "| `ip` | address | - | an address |\n"
				  "| `mac` | MAC | - | a MAC |\n"
				  "| `any` | any | - | what fits |\n"
				  "| `any.inner` | string | - | inside |\n"
				  "| `sets` | list | - | sets |\n"
				  "| `sets[][].subnet` | address/len | required | a subnet |\n"
				  "| `words` | list | - | words |\n"
				  "| `object` | object | - | an object |\n"
				  "| `object.inner` | string | - | inside |\n"
				  "| `maybe` | boolean | - | on, off or neither |\n"
				  "| `map` | object | - | anything |\n");
}

static void the_table_for_a_terminal_says_the_same(void **state)
{
	char text[4096];

	(void)state;
	printed(conf_print_text, text, sizeof(text));
	assert_non_null(strstr(text, "  name                           string, default \"cni0\"\n"
				     "      a name\n"));
	assert_non_null(strstr(text, "  mtu                            integer (68..65535), "
				     "default -\n      a size\n"));
	assert_non_null(strstr(text, "  sets[][].subnet                address/len, default "
				     "required\n      a subnet\n"));
	assert_null(strstr(text, "hidden"));
	assert_null(strstr(text, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_in_markdown_has_a_row_for_each_key_with_help),
		cmocka_unit_test(the_table_for_a_terminal_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
