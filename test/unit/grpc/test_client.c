// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "grpc/api/kubelet.h"
#include "grpc/client.h"
#include "grpc/raw.h"
#include "test.h"

static struct loop *loop;
static struct grpc_client *client;
static struct raw raw;
static char heard[512];
static struct grpc_client_call *call;
static bool cancel_at_message, close_at_message, close_at_end;

static int setup(void **state)
{
	struct err e;

	heard[0] = '\0';
	cancel_at_message = close_at_message = close_at_end = false;
	if (loop_open(&loop, &e) < 0)
		return -1;
	return grpc_client_adopt(&client, loop, raw_open(&raw, loop, true), &e);
}

static int teardown(void **state)
{
	raw_close(&raw);
	grpc_client_closep(&client);
	loop_closep(&loop);
	return 0;
}

static void on_message(const ProtobufCMessage *m, void *ctx)
{
	size_t at = strlen(heard);

	assert_ptr_equal(ctx, &client);
	(void)snprintf(heard + at, sizeof(heard) - at, "[%s]",
		       ((const Deviceplugin__Device *)m)->id);
	if (cancel_at_message)
		grpc_client_cancel(call);
	if (close_at_message)
		grpc_client_closep(&client);
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	size_t at = strlen(heard);

	assert_ptr_equal(ctx, &client);
	(void)snprintf(heard + at, sizeof(heard) - at, "%d %s;", status->code, status->text);
	if (close_at_end)
		grpc_client_closep(&client);
}

static void start(bool streaming, int64_t timeout_ms)
{
	Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;
	const struct grpc_request request = {
		.path = "/t.T/X",
		.message = &m.base,
		.reply = &deviceplugin__device__descriptor,
		.streaming = streaming,
		.timeout_ms = timeout_ms,
		.max_reply = 100,
		.on_message = on_message,
		.on_end = on_end,
		.ctx = &client,
	};
	struct err e;

	assert_int_equal(grpc_client_call(client, &request, &call, &e), 0);
	raw_settle(&raw);
}

#define ASKED                                                                                      \
	"HEADERS :method=POST :scheme=http :path=/t.T/X :authority=localhost te=trailers"          \
	" content-type=application/grpc user-agent=edgeway/" EDGEWAY_VERSION

static const char two[] = {0, 0, 0, 0, 3, 0x0a, 1, 'a', 0, 0, 0, 0, 3, 0x0a, 1, 'b'};
enum { ONE = 8 };

static const struct raw_header head[] = {{":status", "200"}, {"content-type", "application/grpc"}};
static const struct raw_header ok[] = {{"grpc-status", "0"}};

/** A response of the usual form: these bytes, and a status. */
static void answer(const void *body, size_t len, const struct raw_header *status, size_t n)
{
	raw.open = true;
	raw_send(&raw, head, ARRAY_SIZE(head), body, len);
	raw_trailers(&raw, status, n);
}

/** A response of headers only. */
static void refuse(const struct raw_header *headers, size_t n)
{
	raw_send(&raw, headers, n, NULL, 0);
}

static void a_request_has_the_headers_of_grpc(void **state)
{
	start(false, 0);
	assert_string_equal(raw.log, ASKED "\nDATA 5 END\n");
}

static void the_server_learns_the_deadline(void **state)
{
	start(false, 60000);
	assert_string_equal(raw.log, ASKED " grpc-timeout=60000m\nDATA 5 END\n");
}

static void a_unary_call_has_one_message_and_a_status(void **state)
{
	start(false, 0);
	answer(two, ONE, ok, 1);
	assert_string_equal(heard, "[a]0 ;");
	start(false, 0);
	answer(two, 0, ok, 1);
	assert_string_equal(heard, "[a]0 ;13 the server answers OK, but nothing else;");
	heard[0] = '\0';
	start(false, 0);
	raw_send(&raw, head, ARRAY_SIZE(head), two, sizeof(two));
	assert_string_equal(heard, "13 the server answers with more than one message;");
}

static void a_message_with_an_error_is_not_for_the_caller(void **state)
{
	const struct raw_header status[] = {{"grpc-status", "9"}, {"grpc-message", "a%25%0a"}};

	start(false, 0);
	answer(two, ONE, status, 2);
	assert_string_equal(heard, "9 a% ;");
}

static void a_stream_has_any_number_of_messages_in_any_pieces(void **state)
{
	for (size_t piece = 1; piece <= sizeof(two); piece++) {
		heard[0] = '\0';
		raw.piece = piece;
		start(true, 0);
		answer(two, sizeof(two), ok, 1);
		assert_string_equal(heard, "[a][b]0 ;");
	}
	heard[0] = '\0';
	start(true, 0);
	answer(two, 0, ok, 1);
	assert_string_equal(heard, "0 ;");
}

static void trailers_alone_are_an_answer(void **state)
{
	const struct raw_header status[] = {
		head[0], head[1], {"grpc-status", "5"}, {"grpc-message", "no"}};

	start(false, 0);
	refuse(status, ARRAY_SIZE(status));
	assert_string_equal(heard, "5 no;");
}

static void what_is_no_answer_has_a_status_of_ours(void **state)
{
	const struct raw_header http[] = {{":status", "503"}};
	const struct raw_header html[] = {{":status", "200"}, {"content-type", "text/html"}};
	const struct raw_header gzip[] = {head[0], head[1], {"grpc-encoding", "gzip"}};

	start(false, 0);
	refuse(http, 1);
	start(false, 0);
	refuse(html, 2);
	start(false, 0);
	refuse(gzip, 3);
	start(false, 0);
	refuse(head, 2);
	assert_string_equal(heard, "14 the server answers with HTTP status 503;"
				   "2 the server's answer is not of type application/grpc;"
				   "13 the server compresses, which is not supported;"
				   "13 the server ended the call without a status;");
}

static void headers_of_progress_are_passed_over(void **state)
{
	nghttp2_nv nv = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "103", 7, 3, 0};

	start(false, 0);
	assert_int_equal(nghttp2_submit_headers(raw.session, 0, raw.stream, NULL, &nv, 1, NULL), 0);
	raw_settle(&raw);
	answer(two, ONE, ok, 1);
	assert_string_equal(heard, "[a]0 ;");
}

static void bad_messages_end_the_call(void **state)
{
	static const char compressed[] = {1, 0, 0, 0, 0}, large[] = {0, 0, 0, 0, 101},
			  bad[] = {0, 0, 0, 0, 1, 0x0a}, cut[] = {0, 0};

	start(true, 0);
	raw_send(&raw, head, 2, compressed, sizeof(compressed));
	start(true, 0);
	raw_send(&raw, head, 2, large, sizeof(large));
	start(true, 0);
	raw_send(&raw, head, 2, bad, sizeof(bad));
	start(true, 0);
	answer(cut, sizeof(cut), ok, 1);
	assert_string_equal(heard, "12 compressed messages are not supported;"
				   "8 a message of 101 bytes is larger than the limit of 100;"
				   "13 the message is no Device;"
				   "13 the server ended the call within a message;");
}

static void a_reset_call_has_a_status(void **state)
{
	start(false, 0);
	assert_int_equal(
		nghttp2_submit_rst_stream(raw.session, 0, raw.stream, NGHTTP2_REFUSED_STREAM), 0);
	raw_settle(&raw);
	assert_string_equal(heard, "14 the server reset the call: REFUSED_STREAM;");
}

static void a_deadline_ends_the_call_on_both_sides(void **state)
{
	struct err e;

	start(false, 20);
	while (!heard[0])
		assert_int_equal(loop_step(loop, 5000, &e), 1);
	assert_string_equal(heard, "4 the deadline has passed;");
	raw_settle(&raw);
	assert_non_null(strstr(raw.log, "RST 8\n"));
}

static void a_call_may_be_cancelled(void **state)
{
	start(true, 0);
	grpc_client_cancel(call);
	assert_string_equal(heard, "1 cancelled;");
	raw_settle(&raw);
	assert_non_null(strstr(raw.log, "RST 8\n"));
}

static void a_call_may_be_cancelled_by_its_own_message(void **state)
{
	cancel_at_message = true;
	start(true, 0);
	raw_send(&raw, head, 2, two, sizeof(two));
	assert_string_equal(heard, "[a]1 cancelled;");
}

static void a_client_may_be_closed_by_a_message(void **state)
{
	close_at_message = true;
	start(true, 0);
	start(true, 0);
	raw_send(&raw, head, 2, two, sizeof(two));
	assert_string_equal(heard, "[a]1 the client was closed;1 the client was closed;");
	assert_null(client);
}

static void a_client_may_be_closed_by_an_end(void **state)
{
	close_at_end = true;
	start(false, 0);
	answer(two, ONE, ok, 1);
	assert_string_equal(heard, "[a]0 ;");
	assert_null(client);
}

static void a_client_may_be_closed_by_a_deadline(void **state)
{
	struct err e;

	close_at_end = true;
	start(false, 10);
	while (!heard[0])
		assert_int_equal(loop_step(loop, 5000, &e), 1);
	assert_string_equal(heard, "4 the deadline has passed;");
	assert_null(client);
}

static void calls_of_a_lost_connection_are_unavailable(void **state)
{
	Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;
	const struct grpc_request request = {.path = "/t.T/X", .message = &m.base};
	struct err e;

	start(false, 0);
	start(true, 5000);
	fd_closep(&raw.fd);
	while (strlen(heard) < 52)
		assert_int_equal(loop_step(loop, 5000, &e), 1);
	assert_string_equal(heard, "14 the connection is lost;14 the connection is lost;");
	assert_int_equal(grpc_client_call(client, &request, NULL, &e), -1);
	assert_string_equal(e.msg, "call /t.T/X: Connection reset by peer");
}

static void a_socket_that_nobody_listens_at_is_told(void **state)
{
	struct grpc_client *none = NULL;
	struct err e;

	assert_int_equal(grpc_client_open(&none, loop, "/nowhere/s", &e), -1);
	assert_string_equal(e.msg, "connect to /nowhere/s: No such file or directory");
	assert_null(none);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_has_the_headers_of_grpc),
		CASE(the_server_learns_the_deadline),
		CASE(a_unary_call_has_one_message_and_a_status),
		CASE(a_message_with_an_error_is_not_for_the_caller),
		CASE(a_stream_has_any_number_of_messages_in_any_pieces),
		CASE(trailers_alone_are_an_answer),
		CASE(what_is_no_answer_has_a_status_of_ours),
		CASE(headers_of_progress_are_passed_over),
		CASE(bad_messages_end_the_call),
		CASE(a_reset_call_has_a_status),
		CASE(a_deadline_ends_the_call_on_both_sides),
		CASE(a_call_may_be_cancelled),
		CASE(a_call_may_be_cancelled_by_its_own_message),
		CASE(a_client_may_be_closed_by_a_message),
		CASE(a_client_may_be_closed_by_an_end),
		CASE(a_client_may_be_closed_by_a_deadline),
		CASE(calls_of_a_lost_connection_are_unavailable),
		CASE(a_socket_that_nobody_listens_at_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
