// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "ipam/resolv.h"
#include "sandbox.h"
#include "test.h"

/** "NAMESERVERS|DOMAIN|SEARCH|OPTIONS", words separated by blanks, of a file with @text. */
static const char *parsed(const char *text)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct cni_dns dns = {};
	static char out[1000];
	struct err e = {};

	file_put("/run/resolv.conf", text);
	if (resolv_read(&dns, "/run/resolv.conf", &arena, &e) < 0)
		fail_msg("%s", e.msg);
	out[0] = '\0';
	for (size_t i = 0; i < dns.n_nameservers; i++)
		strcat(strcat(out, i ? " " : ""), dns.nameservers[i]);
	strcat(strcat(strcat(out, "|"), dns.domain ? dns.domain : ""), "|");
	for (size_t i = 0; i < dns.n_search; i++)
		strcat(strcat(out, i ? " " : ""), dns.search[i]);
	strcat(out, "|");
	for (size_t i = 0; i < dns.n_options; i++)
		strcat(strcat(out, i ? " " : ""), dns.options[i]);
	return out;
}

static void files_are_read_as_the_reference_reads_them(void **state)
{
	static const char *const rows[][2] = {
		{"", "|||"},
		{"nameserver 10.1.0.1\n", "10.1.0.1|||"},
		{"nameserver 10.1.0.1\nnameserver fd00::1", "10.1.0.1 fd00::1|||"},
		{"domain example.org\n", "|example.org||"},
		{"domain first\ndomain last\n", "|last||"},
		{"search a b c\nsearch d\n", "||a b c d|"},
		{"options ndots:5 edns0\noptions trust-ad\n", "|||ndots:5 edns0 trust-ad"},
		{"  nameserver\t10.1.0.1  \r\n\tsearch  a \t b\r\n", "10.1.0.1||a b|"},
		{"# nameserver 1\n; nameserver 2\n  # nameserver 3\n#\n;\n\n", "|||"},
		{"nameserver\nsearch\ndomain\noptions\n", "|||"},
		{"nameservers 10.1.0.1\nsortlist 1\nNAMESERVER 10.1.0.2\n", "|||"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(parsed(rows[i][0]), rows[i][1]);
}

static void only_the_first_word_is_a_nameserver_or_the_domain(void **state)
{
	(void)state;
	assert_string_equal(parsed("nameserver 10.1.0.1 # the router\n"), "10.1.0.1|||");
	assert_string_equal(parsed("domain example.org # ours\n"), "|example.org||");
}

static void many_lines_are_read(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct cni_dns dns = {};
	struct err e = {};

	(void)state;
	sh("for i in $(seq 1000); do echo nameserver 10.1.0.$i; echo search s$i; done > "
	   "/run/resolv.conf");
	assert_int_equal(resolv_read(&dns, "/run/resolv.conf", &arena, &e), 0);
	assert_int_equal(dns.n_nameservers, 1000);
	assert_string_equal(dns.search[999], "s1000");
}

static void what_cannot_be_read_is_named(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct cni_dns dns = {};
	struct err e = {};

	(void)state;
	assert_int_equal(resolv_read(&dns, "/run/none", &arena, &e), -1);
	assert_string_equal(e.msg, "open /run/none: No such file or directory");
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(resolv_read(&dns, "/run", &arena, &e), -1);
	assert_string_equal(e.msg, "open /run: not a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(files_are_read_as_the_reference_reads_them, sandbox),
		cmocka_unit_test_setup(only_the_first_word_is_a_nameserver_or_the_domain, sandbox),
		cmocka_unit_test_setup(many_lines_are_read, sandbox),
		cmocka_unit_test_setup(what_cannot_be_read_is_named, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
