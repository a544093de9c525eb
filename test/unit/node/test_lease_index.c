// SPDX-License-Identifier: Apache-2.0
/** The index of leases and the boot they belong to, by what is in their directories. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "node/boot.h"
#include "node/lease_private.h"
#include "node/leases.h"
#include "sandbox.h"
#include "test.h"

#define INDEX "/run/edgeway/leases"
#define BOOTS "/var/lib/edgeway/leases"

static const struct lease_owner C1 = {"c1", "eth0"}, C2 = {"c2", "eth0"};

static void take(const char *text, const struct lease_owner *owner)
{
	assert_int_equal(reserve(text, owner), 1);
}

/** How many addresses the store finds for @owner. */
static size_t count(const struct lease_owner *owner)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	struct ipaddr *ips;
	struct err e = {};
	size_t n = 99;

	assert_int_equal(lease_find(store, owner, &ips, &n, &e), 0);
	return n;
}

/** What the index alone says of @owner; "" if nothing. */
static const char *indexed(const struct lease_owner *owner)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	static char list[2000];
	const char *found = lease_index_find(store, owner);

	(void)snprintf(list, sizeof(list), "%s", found ? found : "");
	return list;
}

static void the_index_follows_every_change(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	assert_string_equal(indexed(&C1), "10.1.0.5");
	take("fd00::5", &C1);
	assert_string_equal(indexed(&C1), "10.1.0.5,fd00::5");
	take("10.1.0.6", &C2);
	assert_string_equal(indexed(&C2), "10.1.0.6");
	release(&C1);
	assert_string_equal(indexed(&C1), "");
	assert_string_equal(indexed(&C2), "10.1.0.6");
}

/** Whether the store is opened without making the index anew. */
static bool is_believed(void)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);

	return store->complete && !store->changed;
}

static void after_each_change_the_index_holds(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	assert_true(is_believed());
	take("10.1.0.6", &C2);
	assert_true(is_believed());
	release(&C1);
	assert_true(is_believed());
	release(&C1); // of nothing
	assert_true(is_believed());
}

static void a_foreign_change_makes_it_anew(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	sh("printf 'c2\\r\\neth0' > " NET "/10.1.0.9 && rm " NET "/10.1.0.5");
	assert_string_equal(indexed(&C2), "10.1.0.9");
	assert_string_equal(indexed(&C1), "");
}

static void an_entry_that_somebody_changed_makes_it_anew(void **state)
{
	static const char *const how[] = {
		"rm *",
		"rm -r ../*/",
		"ln -sfn 10.1.0.9 *",
		"mv * other",
		"touch -h -d 2000-01-01 .",
	};

	(void)state;
	take("10.1.0.5", &C1);
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		sh("cd " INDEX "/* && %s", how[i]);
		assert_int_equal(count(&C1), 1);
		assert_true(is_believed());
	}
}

static void a_stale_entry_is_never_believed(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store;

	(void)state;
	take("10.1.0.5", &C1);
	take("10.1.0.6", &C2);
	store = open_store(&arena, LEASE_CREATE);
	sh("cd " INDEX "/* && for link in *; do ln -sfn 10.1.0.5,10.1.0.6,../../lock,nonsense,, "
	   "$link; done");
	lease_index_seal(store); // an index that lies, with a seal that holds
	lease_closep(&store);
	assert_true(is_believed());
	assert_int_equal(count(&C1), 1);
	release(&C1);
	assert_string_equal(file_text(NET "/10.1.0.6"), "c2\r\neth0");
	assert_int_equal(count(&C2), 1);
	assert_true(file_exists(NET "/lock"));
}

static void a_lost_index_is_made_anew(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	sh("rm -rf " INDEX);
	assert_int_equal(count(&C1), 1);
	assert_string_equal(indexed(&C1), "10.1.0.5");
}

static void without_an_index_the_files_are_searched(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	sh("rm -rf /run/edgeway && touch /run/edgeway"); // no directory can be made there
	assert_int_equal(count(&C1), 1);
	take("10.1.0.6", &C2);
	assert_int_equal(count(&C2), 1);
	release(&C1);
	assert_int_equal(count(&C1), 0);
	assert_int_equal(count(&C2), 1);
}

static void an_index_one_died_over_is_made_anew(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	{ // a process that was killed: the lease is there, the seal is not
		_cleanup_(arena_free) struct arena arena = {};
		struct lease_store *store = open_store(&arena, LEASE_CREATE);
		struct ipaddr ip = ip_of("10.1.0.6");
		struct err e = {};

		assert_int_equal(lease_reserve(store, &ip, &C2, &e), 1);
		close(store->dir);
		close(store->index);
		close(store->lock);
	}
	sh("rm " INDEX "/*/*");
	assert_int_equal(count(&C1), 1);
	assert_int_equal(count(&C2), 1);
}

/** The kernel may stamp two changes with one time, and that must not look like a seal. */
static void a_lease_that_did_not_make_it_into_the_index_is_noticed(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store;
	struct ipaddr ip = ip_of("10.1.0.5");
	struct err e = {};

	(void)state;
	take("10.1.0.9", &C2);
	store = open_store(&arena, LEASE_CREATE);
	assert_int_equal(lease_reserve(store, &ip, &C1, &e), 1);
	file_put(NET "/fd00::5", "c1\r\neth0"); // the second address; then it was killed
	close(store->dir);
	close(store->index);
	close(store->lock);
	sh("touch -r " NET " " INDEX "/*");
	assert_int_equal(count(&C1), 2);
}

/** A lease that cannot be read, until mend_it(), which leaves no trace on the directory of leases.
 */
static void break_a_lease(const char *name)
{
	sh("ln -s /run/loop /run/loop && ln -s /run/loop " NET "/%s", name);
}

static void mend_it(const char *container)
{
	sh("rm /run/loop && printf '%s\\r\\neth0' > /run/loop", container);
}

static void opening_fails_with(const char *msg)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct err e = {};

	assert_int_equal(lease_open(&store, &arena, DATA, "net", LEASE_CREATE, &e), -1);
	assert_string_equal(e.msg, msg);
}

static void an_index_that_could_not_be_made_is_not_believed(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	take("10.1.0.6", &C2);
	break_a_lease("10.1.0.7");
	opening_fails_with("read " NET "/10.1.0.7: Too many levels of symbolic links");
	mend_it("c2");
	assert_int_equal(count(&C1), 1);
	assert_int_equal(count(&C2), 2);
}

/** Delete the first lease that one is asked about, then give up. */
static int take_one_away(const struct lease *lease, void *ctx, struct err *e)
{
	int *asked = ctx;

	(void)lease;
	return (*asked)++ == 0 ? 1 : err_set(e, ERR_CONFIG, "enough");
}

static void the_index_is_made_anew_when_some_of_the_leases_were_deleted(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store;
	struct err e = {};
	int asked = 0;

	(void)state;
	take("10.1.0.5", &C1);
	take("fd00::5", &C1);
	store = open_store(&arena, LEASE_CREATE);
	assert_int_equal(lease_each(store, take_one_away, &asked, &e), -1);
	lease_closep(&store);
	assert_int_equal(count(&C1), 1);
}

static void stores_of_one_name_in_two_places_are_two(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct lease_store *store = NULL;
	struct ipaddr ip = ip_of("10.1.0.6");
	struct err e = {};

	(void)state;
	take("10.1.0.5", &C1);
	assert_int_equal(lease_open(&store, &arena, "/var/lib/other", "net", LEASE_CREATE, &e), 0);
	assert_int_equal(lease_reserve(store, &ip, &C1, &e), 1);
	lease_closep(&store);
	assert_string_equal(sh_output("ls " INDEX " | wc -l"), "2\n");
	assert_string_equal(indexed(&C1), "10.1.0.5");
}

/** The record of the boot, with the id in it replaced. */
static void pretend_the_record_says(const char *text)
{
	sh("cd " BOOTS " && for f in *; do printf '%s' > $f; done", text);
}

/** What a reboot does to a node. */
static void lose_run(void)
{
	sh("rm -rf /run/edgeway");
}

static void the_boot_is_recorded_outside_the_leases(void **state)
{
	char id[BOOT_ID], record[256];
	struct err e = {};

	(void)state;
	take("10.1.0.5", &C1);
	assert_int_equal(boot_id(id, &e), 0);
	(void)snprintf(record, sizeof(record), "%s\n" NET "\n", id);
	assert_string_equal(sh_output("cat " BOOTS "/*"), record);
}

static void leases_of_an_earlier_boot_are_dead(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	file_put(NET "/10.1.0.6", "");
	file_put(NET "/notes.txt", "not a lease");
	sh("echo 10.1.0.5 > " NET "/last_reserved_ip.0");
	sh("touch -d '@1000000000' " NET "/10.1.0.5 " NET
	   "/10.1.0.6"); // the others are of this boot
	take("10.1.0.7", &C1);
	lose_run();
	pretend_the_record_says("11111111-2222-3333-4444-555555555555\\n");
	take("10.1.0.9", &C2);
	assert_string_equal(sh_output("ls " NET),
			    "10.1.0.7\n10.1.0.9\nlast_reserved_ip.0\nlock\nnotes.txt\n");
	lose_run(); // from now on it is this boot
	assert_int_equal(count(&C2), 1);
}

static void a_purge_that_failed_halfway_goes_on_later(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	break_a_lease("10.1.0.7");
	sh("printf 'c1\\r\\neth0' > " NET "/10.1.0.8"); // one before and one behind, in any order
	sh("touch -d '@1000000000' " NET "/10.1.0.5 " NET "/10.1.0.8");
	lose_run();
	pretend_the_record_says("11111111-2222-3333-4444-555555555555\\n");
	opening_fails_with("delete leases of an earlier boot: read " NET
			   "/10.1.0.7: Too many levels of symbolic links");
	mend_it("c2"); // a lease of this boot
	assert_int_equal(count(&C1), 0);
	assert_int_equal(count(&C2), 1);
	assert_string_equal(sh_output("ls " NET), "10.1.0.7\nlock\n");
}

static void without_a_record_nothing_is_dead(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	lose_run();
	sh("rm -rf /var/lib/edgeway");
	assert_int_equal(count(&C1), 1);
	sh("ls " BOOTS "/*"); // there is one now
}

static void a_torn_record_is_no_record(void **state)
{
	static const char *const torn[] = {"", "\\n", "11111111-2222", "11111111-2222\\nfoo\\n"};

	(void)state;
	take("10.1.0.5", &C1);
	for (size_t i = 0; i < ARRAY_SIZE(torn); i++) {
		lose_run();
		pretend_the_record_says(torn[i]);
		assert_int_equal(count(&C1), 1);
	}
}

static void within_one_boot_a_lost_run_loses_no_lease(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	lose_run();
	assert_int_equal(count(&C1), 1);
}

static void a_run_that_survived_the_boot_is_not_believed(void **state)
{
	(void)state;
	take("10.1.0.5", &C1);
	sh("touch -d '@1000000000' " NET "/10.1.0.5");
	pretend_the_record_says("11111111-2222-3333-4444-555555555555\\n");
	// /run on disk: the index of the earlier boot, under that boot's name.
	sh("cd " INDEX " && mv * $(ls | cut -d- -f1)-11111111-2222-3333-4444-555555555555");
	assert_int_equal(count(&C1), 0);
	assert_false(file_exists(NET "/10.1.0.5"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_index_follows_every_change),
		on_a_node(after_each_change_the_index_holds),
		on_a_node(a_foreign_change_makes_it_anew),
		on_a_node(an_entry_that_somebody_changed_makes_it_anew),
		on_a_node(a_stale_entry_is_never_believed),
		on_a_node(a_lost_index_is_made_anew),
		on_a_node(without_an_index_the_files_are_searched),
		on_a_node(an_index_one_died_over_is_made_anew),
		on_a_node(a_lease_that_did_not_make_it_into_the_index_is_noticed),
		on_a_node(an_index_that_could_not_be_made_is_not_believed),
		on_a_node(the_index_is_made_anew_when_some_of_the_leases_were_deleted),
		on_a_node(stores_of_one_name_in_two_places_are_two),
		on_a_node(the_boot_is_recorded_outside_the_leases),
		on_a_node(leases_of_an_earlier_boot_are_dead),
		on_a_node(a_purge_that_failed_halfway_goes_on_later),
		on_a_node(without_a_record_nothing_is_dead),
		on_a_node(a_torn_record_is_no_record),
		on_a_node(within_one_boot_a_lost_run_loses_no_lease),
		on_a_node(a_run_that_survived_the_boot_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
