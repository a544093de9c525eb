/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/**
 * How a call ended, and how gRPC's headers write it ("gRPC over HTTP2", section "Responses").
 */
enum grpc_code {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

struct grpc_status {
	int code; ///< enum grpc_code, or another number that the peer came up with
	char text[512];
};

/** Fill @s and return -1. */
int grpc_status_set(struct grpc_status *s, int code, const char *fmt, ...) _printf_(3, 4);

/** The same of what the header grpc-status says; what is no number there is UNKNOWN. */
int grpc_code_parse(const uint8_t *value, size_t len);

/** What a response by something that is no gRPC server means ("HTTP to gRPC Status Code Mapping").
 */
int grpc_code_of_http(int status);

/** The same of a stream that was reset, by the code in RST_STREAM ("Errors"). */
int grpc_code_of_reset(uint32_t error);

enum { GRPC_MESSAGE_MAX = 3 * sizeof(((struct grpc_status *)NULL)->text) };

/** The header grpc-message: what is not printable ASCII, and '%', as %XX. */
void grpc_message_encode(char out[GRPC_MESSAGE_MAX], const char *text);

/** The way back. What is no %XX stays as it is, control characters become blanks, the rest is cut.
 */
void grpc_message_decode(char *text, size_t size, const uint8_t *value, size_t len);

enum { GRPC_TIMEOUT_TEXT = 16 };

/** The header grpc-timeout, milliseconds: eight digits and a unit, rounded up. Returns @out. */
char *grpc_timeout_format(char out[GRPC_TIMEOUT_TEXT], int64_t ms);

/** The way back, rounded up too; -1 if it is none. */
int64_t grpc_timeout_parse(const uint8_t *value, size_t len);
