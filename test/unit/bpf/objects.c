// SPDX-License-Identifier: Apache-2.0
#include "bpf/objects.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"

enum { RECORD_MAX = 128 };

static int bpf(int cmd, union bpf_attr *attr, const char *what)
{
	int rc = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (rc >= 0)
		return rc;
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t address(const void *p)
{
	return (uintptr_t)p;
}

int object_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries)
{
	union bpf_attr attr = {.map_type = type,
			       .key_size = key_size,
			       .value_size = value_size,
			       .max_entries = max_entries};

	return bpf(BPF_MAP_CREATE, &attr, "make a map");
}

enum { BTF_INT_ID = 1, BTF_LOCK_ID = 2, BTF_VALUE_ID = 3 };

/** int; struct bpf_spin_lock { int val; }; struct { struct bpf_spin_lock lock; ... }. */
static int load_btf(uint32_t value_size)
{
	static const char names[] = "\0int\0bpf_spin_lock\0val\0value\0lock";
	enum { INT = 1, LOCK = 5, VAL = 19, VALUE = 23, FIELD = 29 };
	struct {
		struct btf_header header;
		struct btf_type number;
		uint32_t bits;
		struct btf_type lock;
		struct btf_member val;
		struct btf_type value;
		struct btf_member field;
		char names[sizeof(names)];
	} btf = {
		.header = {.magic = BTF_MAGIC,
			   .version = BTF_VERSION,
			   .hdr_len = sizeof(btf.header)},
		.number = {.name_off = INT, .info = BTF_KIND_INT << 24, .size = 4},
		.bits = 32,
		.lock = {.name_off = LOCK, .info = BTF_KIND_STRUCT << 24 | 1, .size = 4},
		.val = {.name_off = VAL, .type = BTF_INT_ID},
		.value = {.name_off = VALUE, .info = BTF_KIND_STRUCT << 24 | 1, .size = value_size},
		.field = {.name_off = FIELD, .type = BTF_LOCK_ID},
	};
	union bpf_attr attr = {.btf = address(&btf), .btf_size = sizeof(btf)};

	memcpy(btf.names, names, sizeof(names));
	btf.header.type_len = (uint32_t)(offsetof(__typeof__(btf), names) - sizeof(btf.header));
	btf.header.str_off = btf.header.type_len;
	btf.header.str_len = sizeof(names);
	attr.btf_size = (uint32_t)(offsetof(__typeof__(btf), names) + sizeof(names));
	return bpf(BPF_BTF_LOAD, &attr, "load BTF");
}

int object_locked_array(uint32_t value_size, uint32_t max_entries)
{
	int btf = load_btf(value_size);
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = sizeof(uint32_t),
			       .value_size = value_size,
			       .max_entries = max_entries,
			       .btf_fd = (uint32_t)btf,
			       .btf_key_type_id = BTF_INT_ID,
			       .btf_value_type_id = BTF_VALUE_ID};
	int fd = bpf(BPF_MAP_CREATE, &attr, "make a map with a lock");

	close(btf);
	return fd;
}

static int load(const struct bpf_insn insns[], size_t n)
{
	static char log[16384];
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
			       .insns = address(insns),
			       .insn_cnt = (uint32_t)n,
			       .license = address("GPL"),
			       .log_level = 1,
			       .log_buf = address(log),
			       .log_size = sizeof(log)};

	return bpf(BPF_PROG_LOAD, &attr, "load a program");
}

#define OP(...)       ((struct bpf_insn){__VA_ARGS__})
#define MOV_REG(d, s) OP(.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (d), .src_reg = (s))
#define MOV_IMM(d, n) OP(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (d), .imm = (n))
#define ADD_IMM(d, n) OP(.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (d), .imm = (n))
#define CALL(n)       OP(.code = BPF_JMP | BPF_CALL, .imm = (n))
#define EXIT          OP(.code = BPF_JMP | BPF_EXIT)
#define MAP(d, fd)                                                                                 \
	OP(.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (d), .src_reg = BPF_PSEUDO_MAP_FD,        \
	   .imm = (fd)),                                                                           \
		OP(.code = 0)

int object_program(void)
{
	const struct bpf_insn insns[] = {MOV_IMM(BPF_REG_0, -1), EXIT}; // TC_ACT_UNSPEC

	return load(insns, ARRAY_SIZE(insns));
}

void object_pin(int fd, const char *path)
{
	char dir[256];
	union bpf_attr attr = {.pathname = address(path), .bpf_fd = (uint32_t)fd};

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (dir_make(dir, 0700) < 0) {
		perror(dir);
		exit(EXIT_FAILURE);
	}
	(void)bpf(BPF_OBJ_PIN, &attr, path);
}

/** Run @prog once with @data as the packet. */
static void run(int prog, const void *data, size_t len)
{
	union bpf_attr attr = {.test = {.prog_fd = (uint32_t)prog,
					.data_in = address(data),
					.data_size_in = (uint32_t)len}};

	(void)bpf(BPF_PROG_TEST_RUN, &attr, "run a program");
	close(prog);
}

void object_ring_put(int map, const void *record, size_t len)
{
	int size = (int)len;
	// The packet is the record: copy it to the stack, and from there into the ring buffer.
	const struct bpf_insn insns[] = {
		MOV_IMM(BPF_REG_2, 0),
		MOV_REG(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -size),
		MOV_IMM(BPF_REG_4, size),
		CALL(BPF_FUNC_skb_load_bytes),
		MAP(BPF_REG_1, map),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -size),
		MOV_IMM(BPF_REG_3, size),
		MOV_IMM(BPF_REG_4, 0),
		CALL(BPF_FUNC_ringbuf_output),
		MOV_IMM(BPF_REG_0, 0),
		EXIT,
	};

	run(load(insns, ARRAY_SIZE(insns)), record, len);
}

void object_ring_discard(int map, size_t len)
{
	static const unsigned char packet[RECORD_MAX];
	const struct bpf_insn insns[] = {
		MAP(BPF_REG_1, map),
		MOV_IMM(BPF_REG_2, (int)len),
		MOV_IMM(BPF_REG_3, 0),
		CALL(BPF_FUNC_ringbuf_reserve),
		OP(.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .imm = 0, .off = 3),
		MOV_REG(BPF_REG_1, BPF_REG_0),
		MOV_IMM(BPF_REG_2, 0),
		CALL(BPF_FUNC_ringbuf_discard),
		MOV_IMM(BPF_REG_0, 0),
		EXIT,
	};

	run(load(insns, ARRAY_SIZE(insns)), packet, sizeof(packet));
}
