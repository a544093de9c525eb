// SPDX-License-Identifier: Apache-2.0
/** Elements of maps that one attachment has and another wants, and closing without waiting. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "netlink/nft_rule.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

enum { LINGER = 4 }; ///< seconds

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"};

/** A kind with one map: a line is "PORT ADDRESS", or a note: "alive". */
static const struct nft_chain chain = {"in", "filter", NFT_HOOK_INPUT, 0};
static const struct ruleset_kind kind;

static void put_base(struct nl_msg *m)
{
	nft_set_add(m, &kind.table, &(struct nft_set){"ports", {{NFT_PORT}}, {{NFT_IPV4}}}, 0);
}

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	const char *address = strchr(line, ' ');
	struct ipaddr ip;

	if (!address || ip_parse(&ip, address + 1))
		return 0;
	(void)snprintf(out[0].set, RULESET_SET, "ports");
	nft_key_put_port(&out[0].key, (uint16_t)strtoul(line, NULL, 10));
	out[0].data = nft_key_ip(&ip);
	return 1;
}

static int claim(const struct ruleset *rules, const struct ruleset_elem *elem,
		 const struct ruleset_holder *holder, struct err *e)
{
	(void)rules;
	for (size_t i = 0; i < holder->n; i++)
		if (!strcmp(holder->lines[i], "alive"))
			return err_set(e, ERR_EXISTS, "%s is held by %s", elem->key.text,
				       holder->tag);
	return 0;
}

static const struct ruleset_kind kind = {
	.name = "ports",
	.table = {NFT_FAMILY_INET, "edgeway_ports"},
	.chains = &chain,
	.n_chains = 1,
	.put_base = put_base,
	.base_sets = 1,
	.elems = elems,
	.claim = claim,
};

/** Add @text; NULL, or why it was refused. */
static const char *add(const struct attachment *a, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);
	const char *lines[RULES_LINES];
	static struct err e;
	RULES(rules, &kind);

	e = (struct err){};
	return ruleset_add(&rules->set, a, lines, rules_split(copy, lines), &e) < 0 ? e.msg : NULL;
}

static void del(const struct attachment *a)
{
	struct err e = {};
	RULES(rules, &kind);

	if (ruleset_del(&rules->set, a, false, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void resync(void)
{
	struct err e = {};
	RULES(rules, &kind);

	if (ruleset_resync(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

/** "PORT OWNER ADDRESS," for each element. */
static const char *ports(void)
{
	return sh_output("nft -n list ruleset | tr '\\n\\t{},' '     ' | grep -oE "
			 "'[0-9]+ comment \"edgeway [^\"]*\" : [0-9.]+' | sort -n | "
			 "sed 's/comment \"edgeway //; s/\" ://' | tr '\\n' ','");
}

static void what_a_living_holder_has_is_refused(void **state)
{
	(void)state;
	assert_null(add(&C1, "80 10.1.0.5, 81 10.1.0.5, alive"));
	assert_string_equal(add(&C2, "82 10.1.0.6, 80 10.1.0.6"),
			    "80 is held by edgeway net/c1/eth0");
	assert_string_equal(ports(), "80 net/c1/eth0 10.1.0.5,81 net/c1/eth0 10.1.0.5,");
	del(&C2); // as an ADD that fails does
	resync();
	assert_string_equal(ports(), "80 net/c1/eth0 10.1.0.5,81 net/c1/eth0 10.1.0.5,");
}

static void who_may_lose_an_element_loses_all(void **state)
{
	(void)state;
	assert_null(add(&C1, "80 10.1.0.5, 81 10.1.0.5"));
	assert_null(add(&C2, "82 10.1.0.6, 80 10.1.0.6"));
	assert_string_equal(ports(), "80 net/c2/eth0 10.1.0.6,82 net/c2/eth0 10.1.0.6,");
	del(&C1); // and comes late
	resync();
	assert_string_equal(ports(), "80 net/c2/eth0 10.1.0.6,82 net/c2/eth0 10.1.0.6,");
	del(&C2);
	assert_string_equal(ports(), "");
	assert_string_equal(sh_output("ls /run/edgeway/ports /run/edgeway/ports.gone"),
			    "/run/edgeway/ports:\n\n/run/edgeway/ports.gone:\n");
}

static void a_holder_without_a_record_loses_what_is_wanted(void **state)
{
	(void)state;
	assert_null(add(&C1, "80 10.1.0.5, alive"));
	sh("rm /run/edgeway/ports/*");
	assert_null(add(&C2, "80 10.1.0.6"));
	assert_string_equal(ports(), "80 net/c2/eth0 10.1.0.6,");
}

/** Of one who was killed before he could see that it is another's. The kernel refuses an element
 * that comes with two values. */
static void of_two_records_the_older_one_has_the_element(void **state)
{
	static const char *const names[] = {"aaaaaaaaaaa", "zzzzzzzzzzz"};

	(void)state;
	assert_null(add(&C1, "80 10.1.0.5, alive"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/run/edgeway/ports/%s", names[i]);
		file_put(path, "edgeway net/killed/eth0\n80 10.1.0.9\n81 10.1.0.9\n");
		sh("nft flush ruleset");
		resync();
		assert_string_equal(ports(),
				    "80 net/c1/eth0 10.1.0.5,81 net/killed/eth0 10.1.0.9,");
		assert_string_equal(add(&C2, "80 10.1.0.6"), "80 is held by edgeway net/c1/eth0");
		del(&C2);
		sh("rm %s", path);
	}
}

static bool mend(void)
{
	struct err e = {};
	bool mended = false;
	RULES(rules, &kind);

	if (ruleset_mend(&rules->set, &mended, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return mended;
}

static void rules_are_mended_if_somebody_misses_them(void **state)
{
	(void)state;
	assert_false(mend());
	assert_string_equal(sh_output("nft list ruleset"), "");
	assert_null(add(&C1, "80 10.1.0.5"));
	assert_false(mend());
	sh("nft flush ruleset");
	assert_true(mend());
	assert_string_equal(ports(), "80 net/c1/eth0 10.1.0.5,");
	sh("nft flush ruleset");
	del(&C1);
	assert_false(mend());
}

/** What a runtime waits for: that nobody has our streams any more. */
static void closing_later_keeps_no_stream_open(void **state)
{
	struct timespec before, after;
	char text[8];
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_null(add(&C1, "80 10.1.0.5"));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e = {};
		RULES(rules, &kind);

		if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
		    ruleset_del(&rules->set, &C1, false, &e) < 0)
			_exit(1);
		close(ends[1]);
		ruleset_done_later(&rules->set);
		if (rules->set.nl || write(STDOUT_FILENO, "done", 4) != 4)
			_exit(1);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		(void)sleep(LINGER);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], text, sizeof(text)), 4);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < LINGER - 1);
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(ports(), "");
}

static void closing_later_what_is_not_open_starts_nobody(void **state)
{
	RULES(rules, &kind);

	(void)state;
	ruleset_done_later(&rules->set);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(what_a_living_holder_has_is_refused),
		on_a_node(who_may_lose_an_element_loses_all),
		on_a_node(a_holder_without_a_record_loses_what_is_wanted),
		on_a_node(of_two_records_the_older_one_has_the_element),
		on_a_node(rules_are_mended_if_somebody_misses_them),
		on_a_node(closing_later_keeps_no_stream_open),
		on_a_node(closing_later_what_is_not_open_starts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
