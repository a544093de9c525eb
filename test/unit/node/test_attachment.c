// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "node/attachment.h"
#include "test.h"

#define LONGEST "0123456789012345678901234567890123456789012345678901234567890123"

static const struct attachment NET_C1 = {"net", "c1", "eth0"};

static void names_on_running_nodes_never_change(void **state)
{
	char id[ATTACHMENT_ID], name[IFNAMSIZ], tag[ATTACHMENT_TAG];

	(void)state;
	assert_string_equal(attachment_id(&NET_C1, id), "7mwsm67jpxc");
	assert_string_equal(attachment_host_name(&NET_C1, name), "veth7mwsm67jpxc");
	assert_string_equal(attachment_ifb_name(&NET_C1, name), "ifb7mwsm67jpxc");
	assert_string_equal(attachment_tag(&NET_C1, tag), "edgeway net/c1/eth0");
}

static void the_host_name_fits_an_interface_whatever_the_lengths(void **state)
{
	const struct attachment longest = {LONGEST LONGEST, LONGEST LONGEST, "123456789012345"};
	char name[IFNAMSIZ];

	(void)state;
	assert_int_equal(strlen(attachment_host_name(&longest, name)), IFNAMSIZ - 1);
	assert_memory_equal(name, "veth", 4);
}

static void each_of_the_three_matters_and_where_it_ends(void **state)
{
	static const struct attachment all[] = {
		{"net", "c1", "eth0"}, {"net2", "c1", "eth0"}, {"net", "c2", "eth0"},
		{"net", "c1", "eth1"}, {"netc", "1", "eth0"},  {"net", "c1e", "th0"},
		{"c1", "net", "eth0"}, {"", "netc1", "eth0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t j = 0; j < i; j++) {
			char a[ATTACHMENT_ID], b[ATTACHMENT_ID];

			assert_string_not_equal(attachment_id(&all[i], a),
						attachment_id(&all[j], b));
		}
	}
}

static void a_tag_that_is_too_long_names_the_id_instead(void **state)
{
	const struct attachment fits = {"network", LONGEST "0123456789012345678901234567890123456",
					"123456789"},
				cut = {"network", LONGEST "01234567890123456789012345678901234567",
				       "123456789"},
				other = {"network",
					 LONGEST "0123456789012345678901234567890123456X",
					 "123456789"},
				net = {LONGEST LONGEST LONGEST, "c1", "eth0"};
	char tag[ATTACHMENT_TAG], another[ATTACHMENT_TAG], id[ATTACHMENT_ID], text[200];

	(void)state;
	assert_int_equal(strlen(attachment_tag(&fits, tag)), ATTACHMENT_TAG - 1);
	assert_non_null(strstr(tag, "/123456789"));

	(void)snprintf(text, sizeof(text), "edgeway network/#%s", attachment_id(&cut, id));
	assert_string_equal(attachment_tag(&cut, tag), text);
	assert_string_not_equal(attachment_tag(&other, another), tag);

	(void)snprintf(text, sizeof(text), "/#%s", attachment_id(&net, id));
	assert_int_equal(strncmp(attachment_tag(&net, tag), "edgeway #", strlen("edgeway #")), 0);
	assert_string_equal(strchr(tag, '/'), text);
	assert_true(attachment_tag_is_of(tag, net.network)); // so GC finds it
	assert_false(attachment_tag_is_of(tag, LONGEST LONGEST));
}

static void a_tag_knows_its_network(void **state)
{
	static const struct {
		const char *tag, *network;
		bool is;
	} rows[] = {
		{"edgeway net/c1/eth0", "net", true},
		{"edgeway net/#abc", "net", true},
		{"edgeway net/c1/eth0", "ne", false},
		{"edgeway net/c1/eth0", "net2", false},
		{"edgeway net2/c1/eth0", "net", false},
		{"edgewaynet/c1/eth0", "net", false},
		{"docker net/c1/eth0", "net", false},
		{"edgeway net", "net", false},
		{"edgeway ", "net", false},
		{"", "net", false},
		{"edgeway #abc", "#abc", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (attachment_tag_is_of(rows[i].tag, rows[i].network) != rows[i].is)
			fail_msg("\"%s\" of \"%s\"", rows[i].tag, rows[i].network);
}

static void the_names_can_be_read_out_of_a_tag(void **state)
{
	const struct attachment a = {"net", "c1", "eth0"};
	char tag[ATTACHMENT_TAG], buf[ATTACHMENT_TAG];
	struct attachment got = {};

	(void)state;
	assert_true(attachment_tag_read(attachment_tag(&a, tag), buf, &got));
	assert_string_equal(got.network, "net");
	assert_string_equal(got.container, "c1");
	assert_string_equal(got.ifname, "eth0");
}

static void of_what_is_no_whole_tag_nothing_is_read(void **state)
{
	static const char *const rows[] = {
		"", "edgeway ", "edgeway net/#abc", "edgeway #a/#b", "docker a/b/c", "edgeway net"};
	struct attachment got = {};
	char buf[ATTACHMENT_TAG], is_long[300] = "edgeway n/c/";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (attachment_tag_read(rows[i], buf, &got))
			fail_msg("\"%s\"", rows[i]);
	memset(is_long + 12, 'x', sizeof(is_long) - 13);
	assert_false(attachment_tag_read(is_long, buf, &got));
	assert_null(got.network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_on_running_nodes_never_change),
		cmocka_unit_test(the_host_name_fits_an_interface_whatever_the_lengths),
		cmocka_unit_test(each_of_the_three_matters_and_where_it_ends),
		cmocka_unit_test(a_tag_that_is_too_long_names_the_id_instead),
		cmocka_unit_test(a_tag_knows_its_network),
		cmocka_unit_test(the_names_can_be_read_out_of_a_tag),
		cmocka_unit_test(of_what_is_no_whole_tag_nothing_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
