// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "grpc/status.h"
#include "test.h"

static int64_t timeout(const char *text)
{
	return grpc_timeout_parse((const uint8_t *)text, strlen(text));
}

static void timeouts_are_rounded_up_to_milliseconds(void **state)
{
	assert_int_equal(timeout("1S"), 1000);
	assert_int_equal(timeout("250m"), 250);
	assert_int_equal(timeout("1u"), 1);
	assert_int_equal(timeout("1001u"), 2);
	assert_int_equal(timeout("99999999n"), 100);
	assert_int_equal(timeout("2M"), 120000);
	assert_int_equal(timeout("99999999H"), 99999999LL * 3600 * 1000);
	assert_int_equal(timeout("0m"), 0);
}

static void other_timeouts_are_none(void **state)
{
	static const char *const bad[] = {"", "1", "m", "1x", "-1S", "123456789m", "1 S", "1SS"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(timeout(bad[i]), -1);
}

static void a_timeout_takes_eight_digits_at_most(void **state)
{
	char out[GRPC_TIMEOUT_TEXT];

	assert_string_equal(grpc_timeout_format(out, 1500), "1500m");
	assert_string_equal(grpc_timeout_format(out, 99999999), "99999999m");
	assert_string_equal(grpc_timeout_format(out, 100000001), "100001S");
	assert_string_equal(grpc_timeout_format(out, 0), "1m");
	assert_string_equal(grpc_timeout_format(out, 100000000000), "1666667M");
	assert_string_equal(grpc_timeout_format(out, INT64_MAX), "99999999H");
}

static void decodes(const char *value, const char *text)
{
	char out[8];

	grpc_message_decode(out, sizeof(out), (const uint8_t *)value, strlen(value));
	assert_string_equal(out, text);
}

static void messages_are_percent_encoded(void **state)
{
	char out[GRPC_MESSAGE_MAX];

	grpc_message_encode(out, "a 100% \xc3\xa9\n~");
	assert_string_equal(out, "a 100%25 %C3%A9%0A~");
	decodes("%c3%A9%25", "\xc3\xa9%");
	decodes("%zz%4", "%zz%4");
	decodes("%", "%");
	decodes("a%0ab\x7f", "a b ");
	decodes("12345678", "1234567");
	decodes("123456%41B", "123456A");
	decodes("", "");
}

static void the_longest_message_fits_when_encoded(void **state)
{
	struct grpc_status s;
	char out[GRPC_MESSAGE_MAX];

	memset(s.text, '%', sizeof(s.text));
	s.text[sizeof(s.text) - 1] = '\0';
	grpc_message_encode(out, s.text);
	assert_int_equal(strlen(out), 3 * strlen(s.text));
}

static int code(const char *text)
{
	return grpc_code_parse((const uint8_t *)text, strlen(text));
}

static void codes_are_numbers_or_unknown(void **state)
{
	assert_int_equal(code("0"), GRPC_OK);
	assert_int_equal(code("14"), GRPC_UNAVAILABLE);
	assert_int_equal(code("99"), 99);
	assert_int_equal(code(""), GRPC_UNKNOWN);
	assert_int_equal(code("-1"), GRPC_UNKNOWN);
	assert_int_equal(code("1x"), GRPC_UNKNOWN);
	assert_int_equal(code("4294967296"), GRPC_UNKNOWN);
}

static void http_and_resets_have_codes(void **state)
{
	assert_int_equal(grpc_code_of_http(404), GRPC_UNIMPLEMENTED);
	assert_int_equal(grpc_code_of_http(503), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_code_of_http(200), GRPC_UNKNOWN);
	assert_int_equal(grpc_code_of_reset(NGHTTP2_CANCEL), GRPC_CANCELLED);
	assert_int_equal(grpc_code_of_reset(NGHTTP2_REFUSED_STREAM), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_code_of_reset(NGHTTP2_NO_ERROR), GRPC_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeouts_are_rounded_up_to_milliseconds),
		cmocka_unit_test(other_timeouts_are_none),
		cmocka_unit_test(a_timeout_takes_eight_digits_at_most),
		cmocka_unit_test(messages_are_percent_encoded),
		cmocka_unit_test(the_longest_message_fits_when_encoded),
		cmocka_unit_test(codes_are_numbers_or_unknown),
		cmocka_unit_test(http_and_resets_have_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
