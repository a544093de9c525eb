// SPDX-License-Identifier: Apache-2.0
/** The lease files, through the store's public face; test_lease_index.c looks at the index. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "addresses.h"
#include "node/leases.h"
#include "sandbox.h"
#include "test.h"

static const struct lease_owner C1 = {"c1", "eth0"}, C1_NET1 = {"c1", "net1"}, C2 = {"c2", "eth0"};

static int by_value(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/** The addresses of @owner in order, a blank after each. */
static const char *found(const struct lease_owner *owner)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	static char list[8192];
	struct ipaddr *ips;
	struct err e = {};
	size_t n;

	assert_int_equal(lease_find(store, owner, &ips, &n, &e), 0);
	if (n)
		qsort(ips, n, sizeof(*ips), by_value);
	list[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char text[IP_TEXT];

		strcat(strcat(list, ip_format(&ips[i], text)), " ");
	}
	return list;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void the_files_are_those_of_host_local(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_int_equal(reserve("fd00:0::5", &C1), 1);
	assert_string_equal(file_text(NET "/10.1.0.5"), "c1\r\neth0");
	assert_string_equal(file_text(NET "/fd00::5"), "c1\r\neth0");
	assert_int_equal(mode_of(NET), 0755);
	assert_int_equal(mode_of(NET "/10.1.0.5"), 0600);
	assert_int_equal(mode_of(NET "/lock"), 0750);
	assert_string_equal(sh_output("ls " NET), "10.1.0.5\nfd00::5\nlock\n");
}

static void an_address_is_given_to_one(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_int_equal(reserve("10.1.0.5", &C2), 0);
	assert_int_equal(reserve("10.1.0.5", &C1), 0);
	assert_string_equal(file_text(NET "/10.1.0.5"), "c1\r\neth0");
	assert_string_equal(found(&C2), "");
}

static void an_owner_finds_and_gives_back_what_is_its_own(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_int_equal(reserve("fd00::5", &C1), 1);
	assert_int_equal(reserve("10.1.0.6", &C2), 1);
	assert_int_equal(reserve("10.1.0.7", &C1_NET1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 fd00::5 ");
	assert_string_equal(found(&C2), "10.1.0.6 ");
	assert_string_equal(found(&C1_NET1), "10.1.0.7 ");
	release(&C1);
	assert_string_equal(found(&C1), "");
	assert_string_equal(sh_output("ls " NET), "10.1.0.6\n10.1.0.7\nlock\n");
	release(&C1);
	assert_int_equal(reserve("10.1.0.5", &C2), 1);
	assert_string_equal(found(&C2), "10.1.0.5 10.1.0.6 ");
}

static void an_owner_may_have_very_many_addresses(void **state)
{
	char expected[8192] = "";

	(void)state;
	for (int i = 1; i <= 200; i++) {
		char text[IP_TEXT];

		(void)snprintf(text, sizeof(text), "10.100.100.%d", i);
		assert_int_equal(reserve(text, &C1), 1);
		strcat(strcat(expected, text), " ");
	}
	assert_int_equal(reserve("10.1.0.6", &C2), 1);
	assert_string_equal(found(&C1), expected);
	assert_string_equal(found(&C2), "10.1.0.6 ");
	release(&C1);
	assert_string_equal(sh_output("ls " NET), "10.1.0.6\nlock\n");
	assert_string_equal(found(&C2), "10.1.0.6 ");
}

static void what_others_do_to_the_files_is_noticed(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 ");
	sh("printf 'c2\\r\\neth0' > " NET "/10.1.0.9"); // the reference plugin
	assert_string_equal(found(&C2), "10.1.0.9 ");
	sh("rm " NET "/10.1.0.5");
	assert_string_equal(found(&C1), "");
	sh("printf 'c1\\r\\neth0' > " NET "/10.1.0.8");
	release(&C1);
	assert_string_equal(sh_output("ls " NET), "10.1.0.9\nlock\n");
}

static void a_file_rewritten_for_another_owner_is_the_others(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 ");
	sh("printf 'c2\\r\\neth0' > " NET "/10.1.0.5"); // in place: the directory does not change
	assert_string_equal(found(&C1), "");
	release(&C1);
	assert_true(file_exists(NET "/10.1.0.5"));
}

static void what_is_no_lease_does_not_block_an_address(void **state)
{
	static const char *const contents[] = {"", "\r\n", "\r\neth0", "\n"};

	(void)state;
	assert_int_equal(reserve("10.1.0.9", &C2), 1);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		file_put(NET "/10.1.0.5", contents[i]);
		assert_string_equal(found(&C1), "");
		assert_int_equal(reserve("10.1.0.5", &C1), 1);
		assert_string_equal(file_text(NET "/10.1.0.5"), "c1\r\neth0");
		assert_string_equal(found(&C1), "10.1.0.5 ");
		release(&C1);
	}
}

static void blocks_of_zeros_are_no_lease(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.9", &C2), 1);
	sh("head -c 12 /dev/zero > " NET "/10.1.0.5");
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 ");
}

static void what_cannot_be_replaced_is_taken(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct ipaddr five = ip_of("10.1.0.5"), six = ip_of("10.1.0.6");

	(void)state;
	sh("mkdir -p " NET "/10.1.0.5");
	assert_int_equal(reserve("10.1.0.5", &C1), 0);
	store = open_store(&arena, LEASE_EXISTING);
	assert_true(lease_is_taken(store, &five));
	assert_false(lease_is_taken(store, &six));
}

static void leases_of_old_plugins_lack_the_interface(void **state)
{
	(void)state;
	sh("mkdir -p " NET " && printf 'c1' > " NET "/10.1.0.5 && printf 'c2\\n' > " NET
	   "/10.1.0.6");
	assert_string_equal(found(&C1), "10.1.0.5 ");
	assert_string_equal(found(&C2), "10.1.0.6 ");
	assert_int_equal(reserve("10.1.0.5", &C2), 0);
	release(&C1_NET1); // any interface of the container
	assert_false(file_exists(NET "/10.1.0.5"));
	assert_true(file_exists(NET "/10.1.0.6"));
}

static void a_line_end_after_the_owner_does_not_count(void **state)
{
	const struct lease_owner c3 = {"c3", "eth0"};

	(void)state;
	sh("mkdir -p " NET " && printf 'c3\\r\\neth0\\n' > " NET
	   "/10.1.0.7 && printf 'c3\\r\\neth0\\r\\n' > " NET "/10.1.0.8");
	assert_string_equal(found(&c3), "10.1.0.7 10.1.0.8 ");
}

static void the_store_is_made_only_when_asked_for(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store = (void *)1;
	struct err e = {};

	(void)state;
	assert_int_equal(lease_open(&store, &arena, DATA, "net", LEASE_EXISTING, &e), 0);
	assert_null(store);
	assert_false(file_exists("/var/lib/cni"));
	lease_closep(&store);
	file_put("/var/lib/cni", "a file");
	assert_int_equal(lease_open(&store, &arena, DATA, "net", LEASE_CREATE, &e), -1);
	assert_string_equal(e.msg, "open directory " NET ": Not a directory");
	assert_int_equal(e.code, ERR_IO);
}

static void removing_everything_starts_afresh(void **state)
{
	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	sh("rm -rf " NET);
	assert_string_equal(found(&C1), "");
	assert_int_equal(reserve("10.1.0.5", &C2), 1);
	sh("rm -rf /var/lib/cni /run/edgeway /var/lib/edgeway");
	release(&C1);
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 ");
}

static void a_directory_removed_under_us_yields_no_lease(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store = open_store(&arena, LEASE_CREATE);
	struct ipaddr address = ip_of("10.1.0.5"), *ips;
	struct err e = {};
	size_t n;

	(void)state;
	sh("rm -rf " NET);
	assert_int_equal(lease_reserve(store, &address, &C1, &e), -1);
	assert_string_equal(e.msg, "reserve 10.1.0.5 in " NET ": No such file or directory");
	assert_int_equal(lease_find(store, &C1, &ips, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(lease_release(store, &C1, &e), 0);
	lease_closep(&store);
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_string_equal(found(&C1), "10.1.0.5 ");
}

static void the_address_given_last_is_remembered_by_set(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	struct ipaddr longer = ip_of("10.100.100.100"), shorter = ip_of("10.1.0.5"),
		      six = ip_of("fd00::5");
	struct ipaddr back;
	struct err e = {};

	(void)state;
	assert_int_equal(lease_last(store, 0).family, 0);
	assert_int_equal(lease_set_last(store, 0, &longer, &e), 0);
	assert_int_equal(lease_set_last(store, 0, &shorter, &e), 0);
	assert_int_equal(lease_set_last(store, 17, &six, &e), 0);
	assert_string_equal(file_text(NET "/last_reserved_ip.0"), "10.1.0.5");
	assert_string_equal(file_text(NET "/last_reserved_ip.17"), "fd00::5");
	assert_int_equal(mode_of(NET "/last_reserved_ip.0"), 0600);
	back = lease_last(store, 0);
	assert_int_equal(ip_cmp(&back, &shorter), 0);
	back = lease_last(store, 17);
	assert_int_equal(ip_cmp(&back, &six), 0);
	file_put(NET "/last_reserved_ip.0", "10.1.0.8\n");
	back = lease_last(store, 0);
	assert_int_equal(back.bytes[3], 8);
	file_put(NET "/last_reserved_ip.0", "torn");
	assert_int_equal(lease_last(store, 0).family, 0);
	file_put(NET "/last_reserved_ip.0", "");
	assert_int_equal(lease_last(store, 0).family, 0);
}

/** Which leases lease_each() is to delete: those of @container. */
static int drop(const struct lease *lease, void *ctx, struct err *e)
{
	if (!strcmp(ctx, "stop"))
		return err_set(e, ERR_CONFIG, "stopped");
	assert_true(lease->age >= 0);
	return !strcmp(lease->owner.container, ctx);
}

static int drop_leases(const char *container, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	char name[16];

	(void)snprintf(name, sizeof(name), "%s", container);
	return lease_each(store, drop, name, e);
}

static void leases_are_weeded_out(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_int_equal(reserve("10.1.0.6", &C2), 1);
	assert_int_equal(reserve("fd00::5", &C1), 1);
	file_put(NET "/10.1.0.7", "");
	file_put(NET "/notes.txt", "c1\r\neth0");
	assert_int_equal(drop_leases("stop", &e), -1);
	assert_string_equal(e.msg, "stopped");
	assert_int_equal(drop_leases("c1", &e), 0);
	assert_string_equal(sh_output("ls " NET), "10.1.0.6\n10.1.0.7\nlock\nnotes.txt\n");
	assert_string_equal(found(&C1), "");
	assert_string_equal(found(&C2), "10.1.0.6 ");
	assert_int_equal(drop_leases("", &e), 0); // what cannot be understood has no container
	assert_string_equal(sh_output("ls " NET), "10.1.0.6\nlock\nnotes.txt\n");
}

static int note_age(const struct lease *lease, void *ctx, struct err *e)
{
	(void)e;
	*(int64_t *)ctx = lease->age;
	return 0;
}

static void a_lease_has_an_age(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	int64_t age = -1;
	struct err e = {};

	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	sh("touch -d '1000 seconds ago' " NET "/10.1.0.5");
	store = open_store(&arena, LEASE_EXISTING);
	assert_int_equal(lease_each(store, note_age, &age, &e), 0);
	assert_in_range(age, 999, 1060);
}

static void all_taken_addresses_come_as_a_set(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct ipaddr taken = ip_of("10.1.0.5"), six = ip_of("fd00::5"),
		      free_one = ip_of("10.1.0.50");
	struct lease_set *set;
	struct err e = {};

	(void)state;
	assert_int_equal(reserve("10.1.0.5", &C1), 1);
	assert_int_equal(reserve("10.1.0.55", &C1), 1);
	assert_int_equal(reserve("fd00::5", &C2), 1);
	store = open_store(&arena, LEASE_EXISTING);
	assert_int_equal(lease_list(store, &set, &e), 0);
	assert_true(lease_set_has(set, &taken));
	assert_true(lease_set_has(set, &six));
	assert_false(lease_set_has(set, &free_one));
}

static void the_store_is_locked_while_it_is_open(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(fd_closep) int other = -1;
	struct lease_store *store = open_store(&arena, LEASE_CREATE);

	(void)state;
	other = open(NET "/lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	lease_closep(&store);
	assert_null(store);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

/** What one of many parallel ADDs and DELs does. */
static int worker(int number)
{
	char container[16];
	const struct lease_owner owner = {container, "eth0"};
	int got = 0;

	(void)snprintf(container, sizeof(container), "w%d", number);
	for (int i = 1; i <= 30 && got < 2; i++) {
		char text[IP_TEXT];

		(void)snprintf(text, sizeof(text), "10.1.0.%d", i);
		got += reserve(text, &owner) == 1;
	}
	if (number % 2)
		release(&owner);
	return got;
}

static void many_at_once_do_not_disturb_each_other(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(worker(i));
	}
	for (int i = 0; i < 10; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 2);
	}
	assert_string_equal(sh_output("cat " NET "/10.* | tr -d '\\r' | grep -o 'w[0-9]' | "
				      "sort | uniq -c | tr -s ' '"),
			    " 2 w0\n 2 w2\n 2 w4\n 2 w6\n 2 w8\n");
	for (int i = 0; i < 10; i++) {
		char container[16];
		const struct lease_owner owner = {container, "eth0"};

		(void)snprintf(container, sizeof(container), "w%d", i);
		assert_int_equal(*found(&owner) != '\0', i % 2 == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_files_are_those_of_host_local),
		on_a_node(an_address_is_given_to_one),
		on_a_node(an_owner_finds_and_gives_back_what_is_its_own),
		on_a_node(an_owner_may_have_very_many_addresses),
		on_a_node(what_others_do_to_the_files_is_noticed),
		on_a_node(a_file_rewritten_for_another_owner_is_the_others),
		on_a_node(what_is_no_lease_does_not_block_an_address),
		on_a_node(blocks_of_zeros_are_no_lease),
		on_a_node(what_cannot_be_replaced_is_taken),
		on_a_node(leases_of_old_plugins_lack_the_interface),
		on_a_node(a_line_end_after_the_owner_does_not_count),
		on_a_node(the_store_is_made_only_when_asked_for),
		on_a_node(removing_everything_starts_afresh),
		on_a_node(a_directory_removed_under_us_yields_no_lease),
		on_a_node(the_address_given_last_is_remembered_by_set),
		on_a_node(leases_are_weeded_out),
		on_a_node(a_lease_has_an_age),
		on_a_node(all_taken_addresses_come_as_a_set),
		on_a_node(the_store_is_locked_while_it_is_open),
		on_a_node(many_at_once_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
