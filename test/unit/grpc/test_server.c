// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "grpc/api/kubelet.h"
#include "grpc/raw.h"
#include "grpc/server.h"
#include "test.h"

#define EMPTY deviceplugin__empty__descriptor

static struct loop *loop;
static struct grpc_server *server;
static struct raw raw;
static struct grpc_call *kept[4]; ///< calls that were not answered
static size_t n_kept;
static int n_gone;

static void echo(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	grpc_call_reply(call, request);
}

static void refuse(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	grpc_call_end(call, GRPC_FAILED_PRECONDITION, "100%% no\n");
}

static void keep(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	grpc_call_set_data(call, &n_gone);
	kept[n_kept++] = call;
}

static void gone(struct grpc_call *call, void *ctx)
{
	assert_ptr_equal(ctx, &server);
	assert_ptr_equal(grpc_call_data(call), &n_gone);
	n_gone++;
}

static void forget(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
}

static void hang_up(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	n_kept++;
	grpc_call_set_data(call, &n_gone);
	grpc_server_closep(&server);
}

static void watch(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	struct err e;

	keep(call, request, ctx);
	assert_int_equal(grpc_call_send(call, request, &e), 0);
}

static const struct grpc_method methods[] = {
	{"/t.T/Echo", &deviceplugin__device__descriptor, echo, NULL},
	{"/t.T/Fail", &EMPTY, refuse, NULL},
	{"/t.T/Keep", &EMPTY, keep, gone},
	{"/t.T/Watch", &deviceplugin__device__descriptor, watch, gone},
	{"/t.T/Forget", &EMPTY, forget, NULL},
	{"/t.T/HangUp", &EMPTY, hang_up, gone},
};
static const struct grpc_service service = {methods, ARRAY_SIZE(methods), .max_request = 100,
					    .max_queued = 200000};

static int setup(void **state)
{
	struct err e;

	n_kept = 0;
	n_gone = 0;
	if (loop_open(&loop, &e) < 0 || grpc_server_open(&server, loop, &service, &server, &e) < 0)
		return -1;
	return grpc_server_adopt(server, raw_open(&raw, loop, false), &e);
}

static int teardown(void **state)
{
	raw_close(&raw);
	grpc_server_closep(&server);
	loop_closep(&loop);
	return 0;
}

/** A request of the usual form. */
#define HEADERS(path)                                                                              \
	{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"},    \
	{                                                                                          \
		"content-type", "application/grpc"                                                 \
	}

static const char empty[] = {0, 0, 0, 0, 0};
static const char device[] = {0, 0, 0, 0, 4, 0x0a, 2, 'v', '1'};

#define ANSWER      "HEADERS :status=200 content-type=application/grpc\n"
#define REFUSAL     "HEADERS :status=200 content-type=application/grpc grpc-status="
#define OK_AFTER(n) ANSWER "DATA " n "\nHEADERS grpc-status=0 END\n"

static void ask(const char *path, const void *body, size_t len)
{
	const struct raw_header headers[] = {HEADERS(path)};

	raw.log[0] = '\0';
	raw_send(&raw, headers, ARRAY_SIZE(headers), body, len);
}

static void a_call_is_answered(void **state)
{
	ask("/t.T/Echo", device, sizeof(device));
	assert_string_equal(raw.log, OK_AFTER("9"));
	ask("/t.T/Echo", empty, sizeof(empty)); // an empty message has a prefix, too
	assert_string_equal(raw.log, OK_AFTER("5"));
}

static void a_message_may_come_in_any_frames(void **state)
{
	raw.piece = 1;
	ask("/t.T/Echo", device, sizeof(device));
	assert_string_equal(raw.log, OK_AFTER("9"));
}

static void an_error_is_one_frame_of_headers(void **state)
{
	ask("/t.T/Fail", empty, sizeof(empty));
	assert_string_equal(raw.log, REFUSAL "9 grpc-message=100%25 no%0A END\n");
}

static void a_path_that_is_not_served_is_unimplemented(void **state)
{
	ask("/t.T/Ech", empty, sizeof(empty));
	assert_string_equal(raw.log, REFUSAL "12 grpc-message=unknown method /t.T/Ech END\n");
	ask("/\xff%", empty, sizeof(empty));
	assert_string_equal(raw.log, REFUSAL "12 grpc-message=unknown method /%FF%25 END\n");
}

static void the_authority_may_be_any_path(void **state)
{
	static const char *const authorities[] = {"/var/lib/kubelet/p.sock",
						  "%2Fvar%2Flib%2Fkubelet%2Fp.sock", "", "a b"};

	for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
		struct raw_header headers[] = {HEADERS("/t.T/Echo")};

		headers[3].value = authorities[i];
		raw.log[0] = '\0';
		raw_send(&raw, headers, ARRAY_SIZE(headers), empty, sizeof(empty));
		assert_string_equal(raw.log, OK_AFTER("5"));
	}
}

/** What the server says to a request with one header more, or with another value of the i-th. */
static void ask_with(const char *name, const char *value, int at)
{
	struct raw_header headers[6] = {HEADERS("/t.T/Echo")};

	headers[at] = (struct raw_header){name, value};
	raw.log[0] = '\0';
	raw_send(&raw, headers, at == 5 ? 6 : 5, empty, sizeof(empty));
}

static void what_is_no_grpc_is_refused_in_http(void **state)
{
	ask_with(":method", "GET", 0);
	assert_string_equal(raw.log, "HEADERS :status=405 END\n");
	ask_with("content-type", "application/json", 4);
	assert_string_equal(raw.log, "HEADERS :status=415 END\n");
	ask_with("content-type", "application/grpc+json", 4);
	assert_string_equal(raw.log, "HEADERS :status=415 END\n");
	ask_with("x", "y", 4);
	assert_string_equal(raw.log, "HEADERS :status=415 END\n");
	ask_with("content-type", "application/grpc+proto;x", 4);
	assert_string_equal(raw.log, OK_AFTER("5"));
}

static void what_is_no_http_is_reset(void **state)
{
	ask_with("x", "y", 2); // no path
	assert_string_equal(raw.log, "RST 1\n");
	ask_with(":path", "/t.T/Fail", 5); // two
	assert_string_equal(raw.log, "RST 1\n");
	ask_with(":authority", "a\nb", 3);
	assert_string_equal(raw.log, "RST 1\n");
	ask_with("x", "y", 5);
	assert_string_equal(raw.log, OK_AFTER("5"));
}

static void compression_and_malformed_timeouts_are_refused(void **state)
{
	ask_with("grpc-encoding", "gzip", 5);
	assert_string_equal(raw.log, REFUSAL "12 grpc-message=unsupported compression gzip END\n");
	ask_with("grpc-encoding", "identity", 5);
	assert_string_equal(raw.log, OK_AFTER("5"));
	ask_with("grpc-timeout", "1d", 5);
	assert_string_equal(raw.log, REFUSAL "13 grpc-message=malformed grpc-timeout 1d END\n");
	ask_with("grpc-timeout", "0m", 5);
	assert_string_equal(raw.log, REFUSAL "4 grpc-message=the deadline has passed END\n");
}

static void refused(const void *body, size_t len, const char *why)
{
	char want[256];

	ask("/t.T/Echo", body, len);
	(void)snprintf(want, sizeof(want), REFUSAL "%s END\n", why);
	assert_string_equal(raw.log, want);
}

static void a_request_is_one_whole_message(void **state)
{
	static const char two[10] = {0}, compressed[5] = {1}, odd[5] = {3},
			  large[5] = {0, 0, 0, 0, 101}, bad[6] = {0, 0, 0, 0, 1, 0x0a};

	refused(NULL, 0, "13 grpc-message=the request ended before its message");
	refused("", 0, "13 grpc-message=the request ended before its message");
	refused(device, 7, "13 grpc-message=the request ended before its message");
	refused(two, 10, "13 grpc-message=more than one message in the request");
	refused(two, 6, "13 grpc-message=the request ended before its message");
	refused(compressed, 5, "12 grpc-message=compressed messages are not supported");
	refused(odd, 5, "13 grpc-message=a message begins with 3, not with 0 or 1");
	refused(large, 5, "8 grpc-message=a message of 101 bytes is larger than the limit of 100");
	refused(bad, 6, "13 grpc-message=the message is no Device");
}

static void an_answer_before_the_end_of_the_request_ends_both(void **state)
{
	raw.open = true;
	ask("/t.T/Unknown", "", 0);
	assert_string_equal(raw.log, REFUSAL "12 grpc-message=unknown method /t.T/Unknown END\n"
					     "RST 0\n");
}

static void a_method_that_neither_answers_nor_waits_is_internal(void **state)
{
	ask("/t.T/Forget", empty, sizeof(empty));
	assert_string_equal(raw.log, REFUSAL "13 grpc-message=the method did not answer END\n");
}

static void an_answer_may_come_later(void **state)
{
	Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;

	ask("/t.T/Keep", empty, sizeof(empty));
	assert_string_equal(raw.log, "");
	grpc_call_reply(kept[0], &m.base);
	raw_settle(&raw);
	assert_string_equal(raw.log, OK_AFTER("5"));
	assert_int_equal(n_gone, 0);
}

static void a_stream_has_messages_now_later_and_an_end(void **state)
{
	Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;
	struct err e;

	ask("/t.T/Watch", device, sizeof(device));
	assert_string_equal(raw.log, ANSWER "DATA 9\n");
	raw.log[0] = '\0';
	assert_int_equal(grpc_call_update(kept[0], &m.base, &e), 0);
	raw_settle(&raw);
	assert_string_equal(raw.log, "DATA 5\n");
	raw.log[0] = '\0';
	grpc_call_end(kept[0], GRPC_UNAVAILABLE, "bye");
	raw_settle(&raw);
	assert_string_equal(strstr(raw.log, "HEADERS"),
			    "HEADERS grpc-status=14 grpc-message=bye END\n");
	assert_int_equal(n_gone, 0);
}

/** A device whose name is longer than what a client takes at once. */
static int send_large(struct err *e)
{
	static char id[70000];
	Deviceplugin__Device m = DEVICEPLUGIN__DEVICE__INIT;

	memset(id, 'x', sizeof(id) - 1);
	m.id = id;
	return grpc_call_send(kept[0], &m.base, e);
}

static void a_client_that_does_not_read_makes_no_queue_without_end(void **state)
{
	const nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
	Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;
	struct err e;

	assert_int_equal(nghttp2_submit_settings(raw.session, NGHTTP2_FLAG_NONE, &none, 1), 0);
	ask("/t.T/Watch", empty, sizeof(empty));
	assert_string_equal(raw.log, ANSWER);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_large(&e), 0);
	assert_int_equal(send_large(&e), -1);
	assert_non_null(strstr(e.msg, "/t.T/Watch: the client does not read: "));
	assert_int_equal(grpc_call_update(kept[0], &m.base, &e), 0); // replaces all of them
	assert_int_equal(send_large(&e), 0);
	ask("/t.T/Fail", empty, sizeof(empty)); // which others do not notice
	assert_string_equal(raw.log, REFUSAL "9 grpc-message=100%25 no%0A END\n");
}

static void a_deadline_ends_the_call_and_tells_the_method(void **state)
{
	struct raw_header headers[] = {HEADERS("/t.T/Keep"), {"grpc-timeout", "20m"}};
	int64_t began = loop_now();
	struct err e;

	raw_send(&raw, headers, ARRAY_SIZE(headers), empty, sizeof(empty));
	assert_string_equal(raw.log, "");
	while (!n_gone)
		assert_int_equal(loop_step(loop, 5000, &e), 1);
	assert_true(loop_now() - began >= 20);
	raw_settle(&raw);
	assert_string_equal(raw.log, REFUSAL "4 grpc-message=the deadline has passed END\n");
	assert_int_equal(n_gone, 1);
}

static void a_cancelled_call_is_gone(void **state)
{
	ask("/t.T/Watch", device, sizeof(device));
	assert_int_equal(nghttp2_submit_rst_stream(raw.session, 0, raw.stream, NGHTTP2_CANCEL), 0);
	raw_settle(&raw);
	assert_int_equal(n_gone, 1);
	ask("/t.T/Echo", empty, sizeof(empty));
	assert_string_equal(raw.log, OK_AFTER("5"));
}

static void calls_of_a_lost_connection_are_gone(void **state)
{
	struct err e;

	ask("/t.T/Watch", device, sizeof(device));
	ask("/t.T/Keep", empty, sizeof(empty));
	assert_int_equal(shutdown(raw.fd, SHUT_WR), 0);
	while (n_gone < 2)
		assert_int_equal(loop_step(loop, 5000, &e), 1);
}

static void calls_of_a_server_that_closes_are_gone(void **state)
{
	ask("/t.T/Watch", device, sizeof(device));
	ask("/t.T/Keep", empty, sizeof(empty));
	grpc_server_closep(&server);
	assert_int_equal(n_gone, 2);
	raw_settle(&raw);
	assert_true(raw.closed);
}

static void a_method_may_close_the_server(void **state)
{
	ask("/t.T/HangUp", empty, sizeof(empty));
	assert_null(server);
	assert_int_equal(n_gone, 1);
	assert_true(raw.closed);
}

static void rubbish_costs_its_connection_only(void **state)
{
	struct raw other;
	struct err e;

	assert_int_equal(grpc_server_adopt(server, raw_open(&other, loop, false), &e), 0);
	assert_int_equal(send(other.fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	raw_settle(&other);
	assert_true(other.closed);
	raw_close(&other);
	ask("/t.T/Echo", empty, sizeof(empty));
	assert_string_equal(raw.log, OK_AFTER("5"));
}

static void the_socket_appears_ready_and_goes_with_the_server(void **state)
{
	struct stat st;
	char dir[] = "/tmp/grpc-XXXXXX", path[64], hidden[64];
	struct err e;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	(void)snprintf(hidden, sizeof(hidden), "%s/.s", dir);
	for (int i = 0; i < 2; i++) { // the second one takes the place of the first
		struct grpc_server *first = server;

		assert_int_equal(grpc_server_open(&server, loop, &service, &server, &e), 0);
		assert_int_equal(grpc_server_listen(server, path, &e), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFSOCK | 0600);
		grpc_server_closep(&first);
		assert_int_equal(stat(path, &st), 0);
	}
	grpc_server_closep(&server);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(stat(hidden, &st), -1);
	assert_int_equal(rmdir(dir), 0);
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
	char path[200] = "/";
	struct err e;

	memset(path + 1, 'x', sizeof(path) - 2);
	assert_int_equal(grpc_server_listen(server, path, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.msg, "longer than the 106 bytes of a socket"));
	assert_int_equal(grpc_server_listen(server, "/nowhere/s", &e), -1);
	assert_string_equal(e.msg, "listen at /nowhere/s: No such file or directory");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_is_answered),
		CASE(a_message_may_come_in_any_frames),
		CASE(an_error_is_one_frame_of_headers),
		CASE(a_path_that_is_not_served_is_unimplemented),
		CASE(the_authority_may_be_any_path),
		CASE(what_is_no_grpc_is_refused_in_http),
		CASE(what_is_no_http_is_reset),
		CASE(compression_and_malformed_timeouts_are_refused),
		CASE(a_request_is_one_whole_message),
		CASE(an_answer_before_the_end_of_the_request_ends_both),
		CASE(a_method_that_neither_answers_nor_waits_is_internal),
		CASE(an_answer_may_come_later),
		CASE(a_stream_has_messages_now_later_and_an_end),
		CASE(a_client_that_does_not_read_makes_no_queue_without_end),
		CASE(a_deadline_ends_the_call_and_tells_the_method),
		CASE(a_cancelled_call_is_gone),
		CASE(calls_of_a_lost_connection_are_gone),
		CASE(calls_of_a_server_that_closes_are_gone),
		CASE(a_method_may_close_the_server),
		CASE(rubbish_costs_its_connection_only),
		CASE(the_socket_appears_ready_and_goes_with_the_server),
		CASE(a_path_too_long_for_a_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
