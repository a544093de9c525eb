// SPDX-License-Identifier: Apache-2.0
#include "programs.h"
#include <arpa/inet.h>

#include <linux/bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sandbox.h"
#include "test.h"

static const char *const names[] = {"from_pod", "to_pod", "from_uplink", "to_uplink", "carry"};
static const char *const devices[] = {"poda", "podb", "up0"};

static struct bpf_object *object;
static struct ring_buffer *ring;
static struct event caught[256];
static size_t n_caught, n_taken;
static uint32_t epoch, came_by;

int programs_map(const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	assert_non_null(map);
	return bpf_map__fd(map);
}

static void put_pod(enum where pod, uint32_t flags, uint32_t since)
{
	uint8_t number = (uint8_t)(2 + pod);
	struct endpoint e = {.ifindex = if_nametoindex(devices[pod]),
			     .flags = flags,
			     .mac = {2, 0, 0, 0, 0, number},
			     .node_mac = {2, 0, 0, 0, 1, number},
			     .since = since};
	struct interface i = {.flags = flags, .mac = {2, 0, 0, 0, 0, number}};
	union address ip4 = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, number}};
	union address ip6 = {.bytes = {0xfd, [15] = number}};

	assert_int_equal(bpf_map_update_elem(programs_map("endpoints"), &ip4, &e, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(programs_map("endpoints"), &ip6, &e, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(programs_map("interfaces"), &e.ifindex, &i, BPF_ANY),
			 0);
	epoch++;
	assert_int_equal(
		bpf_map_update_elem(programs_map("epoch"), &(uint32_t){0}, &epoch, BPF_ANY), 0);
}

void programs_set_flags(enum where pod, uint32_t flags)
{
	put_pod(pod, flags, 0);
}

void programs_heir(enum where pod, uint32_t ticks, uint32_t flags)
{
	put_pod(pod, flags, ticks);
}

static int on_event(void *ctx, void *data, size_t size)
{
	(void)ctx;
	if (size != sizeof(caught[0]) || n_caught == sizeof(caught) / sizeof(caught[0]))
		return -1;
	memcpy(&caught[n_caught++], data, size);
	return 0;
}

int programs_load(void **state)
{
	const char *path = getenv("EDGEWAY_BPF_OBJECT");

	if (sandbox(state) != 0)
		return -1;
	for (int i = 0; i < WHERE_MAX; i++)
		sh("ip link add %s address 02:00:00:00:01:0%d type veth peer name %s_", devices[i],
		   2 + i, devices[i]);
	sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
	sh("ip link set poda up && ip link set up0_ up && ip link set up0 up");
	sh("ip addr add 192.0.2.1/24 dev up0 && ip addr add 2001:db8::1/64 dev up0 nodad");
	object = bpf_object__open_file(path ? path : EDGEWAY_BPF_OBJECT, NULL);
	if (!object || bpf_object__load(object) != 0)
		return -1;
	put_pod(POD_A, 0, 0);
	put_pod(POD_B, 0, 0);
	ring = ring_buffer__new(programs_map("events"), on_event, NULL, NULL);
	return ring ? 0 : -1;
}

int programs_unload(void **state)
{
	(void)state;
	ring_buffer__free(ring);
	bpf_object__close(object);
	return 0;
}

void programs_came_by(enum where where)
{
	came_by = where < WHERE_MAX ? if_nametoindex(devices[where]) : 0;
}

int programs_run(enum program program, enum where where, const struct frame *f)
{
	struct __sk_buff ctx = {.ifindex = if_nametoindex(devices[where]),
				.ingress_ifindex = came_by};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes,
		    .data_size_in = (unsigned int)f->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	struct bpf_program *p = bpf_object__find_program_by_name(object, names[program]);

	assert_non_null(p);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p), &opts), 0);
	return (int)opts.retval;
}

unsigned int programs_barriers(enum program program, bool weak)
{
	struct bpf_program *p = bpf_object__find_program_by_name(object, names[program]);
	const struct bpf_insn *insns = bpf_program__insns(p);
	unsigned int n = 0;

	assert_non_null(insns);
	for (size_t i = 0; i < bpf_program__insn_cnt(p); i++)
		n += BPF_CLASS(insns[i].code) == BPF_STX && insns[i].dst_reg == BPF_REG_10 &&
		     BPF_MODE(insns[i].code) == BPF_ATOMIC && !(weak && insns[i].imm & BPF_FETCH);
	return n;
}

uint64_t programs_counted(enum drop_reason reason, enum direction dir)
{
	int cpus = libbpf_num_possible_cpus();
	struct counter parts[256];
	uint32_t key = COUNTER(reason, dir);
	uint64_t sum = 0;

	assert_true(cpus > 0 && cpus <= 256);
	assert_int_equal(bpf_map_lookup_elem(programs_map("counters"), &key, parts), 0);
	for (int i = 0; i < cpus; i++)
		sum += parts[i].packets;
	return sum;
}

void programs_drop(enum program program, enum where where, const struct frame *f,
		   enum drop_reason reason, const char *what)
{
	enum direction dir = (enum direction)program; // they are in one order
	struct drop_key key = {.ifindex = if_nametoindex(devices[where]),
			       .reason = (uint16_t)reason,
			       .dir = (uint16_t)dir};
	uint64_t before = programs_counted(reason, dir);
	struct drop_count whose = {}, was = {};
	int verdict;

	(void)bpf_map_lookup_elem(programs_map("drops"), &key, &was);
	verdict = programs_run(program, where, f);
	if (verdict != DROPPED)
		fail_msg("%s: verdict %d, want a drop", what, verdict);
	if (programs_counted(reason, dir) != before + 1)
		fail_msg("%s: dropped, but not for reason %d", what, reason);
	if (bpf_map_lookup_elem(programs_map("drops"), &key, &whose) != 0 ||
	    whose.packets != was.packets + 1)
		fail_msg("%s: dropped, but it does not say whose it was", what);
}

static void mapped(union address *out, const uint8_t *ip, int v4)
{
	memset(out, 0, sizeof(*out));
	if (v4) {
		memset(out->bytes + 10, 0xff, 2);
		memcpy(out->bytes + 12, ip, 4);
	} else {
		memcpy(out->bytes, ip, 16);
	}
}

/** Both orders are tried: which end is the lower one is the programs' affair. */
static int find(const struct frame *f, uint32_t *index, int *slot, struct ct_bucket *b)
{
	int v4 = f->bytes[12] == 8, fd = programs_map("conntrack");
	uint8_t proto = v4 ? f->bytes[L3 + 9] : f->bytes[L3 + 6];
	struct ct_tuple t = {.proto = proto}, other;
	int icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;

	mapped(&t.low, f->bytes + L3 + (v4 ? 12 : 8), v4);
	mapped(&t.high, f->bytes + L3 + (v4 ? 16 : 24), v4);
	memcpy(&t.low_port, f->bytes + f->l4 + (icmp ? 4 : 0), 2);
	memcpy(&t.high_port, f->bytes + f->l4 + (icmp ? 4 : 2), 2);
	other = (struct ct_tuple){.low = t.high,
				  .high = t.low,
				  .low_port = t.high_port,
				  .high_port = t.low_port,
				  .proto = proto};
	for (*index = 0; *index < CT_BUCKETS; (*index)++) {
		assert_int_equal(bpf_map_lookup_elem_flags(fd, index, b, BPF_F_LOCK), 0);
		for (*slot = 0; *slot < CT_WAYS; (*slot)++)
			if (b->tags[*slot] &&
			    (!memcmp(&b->entries[*slot].tuple, &t, sizeof(t)) ||
			     !memcmp(&b->entries[*slot].tuple, &other, sizeof(other))))
				return 1;
	}
	return 0;
}

int programs_flow(const struct frame *f, struct ct_entry *out)
{
	struct ct_bucket b;
	uint32_t index;
	int slot;

	if (!find(f, &index, &slot, &b))
		return 0;
	*out = b.entries[slot];
	return 1;
}

void programs_age(const struct frame *f, uint32_t seconds)
{
	struct ct_bucket b;
	uint32_t index;
	int slot;

	assert_true(find(f, &index, &slot, &b));
	b.entries[slot].seen -= seconds;
	b.entries[slot].looked--;
	assert_int_equal(bpf_map_update_elem(programs_map("conntrack"), &index, &b, BPF_F_LOCK), 0);
}

unsigned int programs_flows(void)
{
	unsigned int n = 0;
	struct ct_bucket b;

	for (uint32_t i = 0; i < CT_BUCKETS; i++) {
		assert_int_equal(bpf_map_lookup_elem(programs_map("conntrack"), &i, &b), 0);
		for (int j = 0; j < CT_WAYS; j++)
			n += b.tags[j] != 0;
	}
	return n;
}

void programs_listen(uint32_t kinds, uint32_t per_second)
{
	struct settings s = {.events = kinds, .events_per_second = per_second};
	uint32_t key = 0;

	assert_int_equal(bpf_map_update_elem(programs_map("settings"), &key, &s, BPF_ANY), 0);
}

int programs_event(struct event *out)
{
	assert_true(ring_buffer__consume(ring) >= 0);
	if (n_taken == n_caught) {
		n_taken = n_caught = 0;
		return 0;
	}
	*out = caught[n_taken++];
	return 1;
}
