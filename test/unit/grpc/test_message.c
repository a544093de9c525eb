// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "grpc/api/kubelet.h"
#include "grpc/message.h"
#include "test.h"

/** Five bytes before @len bytes of a message. */
#define PREFIX(flag, len) flag, 0, 0, 0, len

static void messages_come_whole_from_any_pieces(void **state)
{
	static const uint8_t wire[] = {PREFIX(0, 3), 'a',          'b', 'c',
				       PREFIX(0, 0), PREFIX(0, 1), 'd'};

	for (size_t piece = 1; piece <= sizeof(wire); piece++) {
		struct grpc_reader r = {.limit = 3};
		struct grpc_status why = {};
		char got[16] = "";

		for (size_t at = 0; at < sizeof(wire); at += piece) {
			size_t n = piece < sizeof(wire) - at ? piece : sizeof(wire) - at;
			const uint8_t *data = wire + at;
			int rc;

			while ((rc = grpc_reader_next(&r, &data, &n, &why)) == 1) {
				if (r.len)
					strncat(got, (char *)r.data, r.len);
				strcat(got, ".");
			}
			assert_int_equal(rc, 0);
			assert_int_equal(n, 0);
		}
		assert_string_equal(got, "abc..d.");
		assert_false(grpc_reader_partial(&r));
		grpc_reader_clear(&r);
	}
}

static void a_message_that_is_cut_short_is_partial(void **state)
{
	static const uint8_t wire[] = {PREFIX(0, 2), 'a'};
	struct grpc_reader r = {.limit = 3};
	struct grpc_status why;

	for (size_t len = 0; len <= sizeof(wire); len++) {
		const uint8_t *data = wire;
		size_t n = len;

		assert_int_equal(grpc_reader_next(&r, &data, &n, &why), 0);
		assert_int_equal(grpc_reader_partial(&r), len > 0);
		grpc_reader_clear(&r);
	}
}

static int code_of(const uint8_t *wire, size_t n, const char *text)
{
	struct grpc_reader r = {.limit = 3};
	struct grpc_status why = {};

	assert_int_equal(grpc_reader_next(&r, &wire, &n, &why), -1);
	assert_non_null(strstr(why.text, text));
	assert_null(r.data); // nothing was allocated for it
	return why.code;
}

static void what_cannot_be_read_has_a_status(void **state)
{
	static const uint8_t compressed[] = {PREFIX(1, 1)}, odd[] = {PREFIX(2, 1)},
			     large[] = {PREFIX(0, 4)}, huge[] = {0, 255, 255, 255, 255};

	assert_int_equal(code_of(compressed, 5, "compressed"), GRPC_UNIMPLEMENTED);
	assert_int_equal(code_of(odd, 5, "begins with 2"), GRPC_INTERNAL);
	assert_int_equal(code_of(large, 5, "limit of 3"), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(code_of(huge, 5, "4294967295"), GRPC_RESOURCE_EXHAUSTED);
}

static void memory_comes_with_the_bytes_not_with_the_promise(void **state)
{
	static const uint8_t wire[] = {0, 1, 0, 0, 0, 'a'};
	struct grpc_reader r = {.limit = 1 << 24};
	const uint8_t *data = wire;
	size_t n = sizeof(wire);
	struct grpc_status why;

	assert_int_equal(grpc_reader_next(&r, &data, &n, &why), 0);
	assert_int_equal(r.room, 1);
	grpc_reader_clear(&r);
}

static void a_message_is_unpacked_or_refused(void **state)
{
	static const uint8_t good[] = {PREFIX(0, 4), 0x0a, 2, 'v', '1'},
			     bad[] = {PREFIX(0, 1), 0x0a};
	_cleanup_(grpc_message_freep) ProtobufCMessage *m = NULL;
	struct grpc_reader r = {.limit = 9};
	const uint8_t *data = good;
	size_t n = sizeof(good);
	struct grpc_status why;

	assert_int_equal(grpc_reader_next(&r, &data, &n, &why), 1);
	m = grpc_reader_unpack(&r, &deviceplugin__register_request__descriptor, &why);
	assert_string_equal(((Deviceplugin__RegisterRequest *)m)->version, "v1");
	assert_string_equal(((Deviceplugin__RegisterRequest *)m)->endpoint, "");
	data = bad;
	n = sizeof(bad);
	assert_int_equal(grpc_reader_next(&r, &data, &n, &why), 1);
	assert_null(grpc_reader_unpack(&r, &deviceplugin__register_request__descriptor, &why));
	assert_int_equal(why.code, GRPC_INTERNAL);
	assert_string_equal(why.text, "the message is no RegisterRequest");
	grpc_reader_clear(&r);
}

static void add(struct grpc_outbox *o, const char *id)
{
	Deviceplugin__Device device = DEVICEPLUGIN__DEVICE__INIT;
	struct err e;

	device.id = (char *)(uintptr_t)id;
	assert_int_equal(grpc_outbox_add(o, &device.base, &e), 0);
}

static void what_is_packed_is_taken_in_order_and_any_pieces(void **state)
{
	static const uint8_t wire[] = {PREFIX(0, 4), 0x0a, 2, 'v', '1', PREFIX(0, 0)};

	for (size_t piece = 1; piece <= sizeof(wire); piece++) {
		struct grpc_outbox o = {};
		uint8_t got[32];
		size_t n = 0, some;

		add(&o, "v1");
		add(&o, "");
		assert_int_equal(o.queued, sizeof(wire));
		while ((some = grpc_outbox_take(&o, got + n, piece)))
			n += some;
		assert_int_equal(n, sizeof(wire));
		assert_memory_equal(got, wire, n);
		assert_int_equal(o.queued, 0);
		assert_null(o.first);
	}
}

static void what_has_begun_is_not_dropped(void **state)
{
	struct grpc_outbox o = {};
	uint8_t got[32];

	add(&o, "1");
	add(&o, "2");
	add(&o, "3");
	assert_int_equal(grpc_outbox_take(&o, got, 1), 1);
	grpc_outbox_drop(&o);
	assert_int_equal(o.queued, 7);
	add(&o, "4");
	assert_int_equal(grpc_outbox_take(&o, got, sizeof(got)), 7 + 8);
	assert_int_equal(got[6], '1');
	assert_int_equal(got[14], '4');
	add(&o, "5");
	grpc_outbox_drop(&o);
	assert_int_equal(o.queued, 0);
	add(&o, "6");
	assert_int_equal(grpc_outbox_take(&o, got, 2), 2);
	grpc_outbox_clear(&o);
	assert_int_equal(o.queued, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_whole_from_any_pieces),
		cmocka_unit_test(a_message_that_is_cut_short_is_partial),
		cmocka_unit_test(what_cannot_be_read_has_a_status),
		cmocka_unit_test(memory_comes_with_the_bytes_not_with_the_promise),
		cmocka_unit_test(a_message_is_unpacked_or_refused),
		cmocka_unit_test(what_is_packed_is_taken_in_order_and_any_pieces),
		cmocka_unit_test(what_has_begun_is_not_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
