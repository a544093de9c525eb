// SPDX-License-Identifier: Apache-2.0
#include "node/condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64 };

/** A cursor over the words of several strings; braces, commas and operators need no space. */
struct words {
	const char *const *list;
	size_t n, i; ///< @i: the string that the word is in
	const char *at;
	char word[WORD]; ///< the present one, without quotes; "" behind the last
};

static size_t word_length(const char *s)
{
	if (*s == '"')
		return strcspn(s + 1, "\"") + 2;
	if (!strncmp(s, "!=", 2) || !strncmp(s, "==", 2))
		return 2;
	return strchr("{},", *s) ? 1 : strcspn(s, " \t{},!=\"");
}

static void advance(struct words *w)
{
	size_t len, quote;

	w->word[0] = '\0';
	while (w->i < w->n) {
		if (!w->at)
			w->at = w->list[w->i];
		w->at += strspn(w->at, " \t");
		if (*w->at)
			break;
		w->at = NULL;
		w->i++;
	}
	if (w->i >= w->n)
		return;
	len = word_length(w->at);
	len = len ? len : 1;
	quote = *w->at == '"';
	if (quote && strlen(w->at) < len) // never closed
		len = strlen(w->at) + 1;
	(void)snprintf(w->word, sizeof(w->word), "%.*s", (int)(len - 2 * quote), w->at + quote);
	w->at += strlen(w->at) < len ? strlen(w->at) : len;
}

static bool is(const struct words *w, const char *word)
{
	return !strcmp(w->word, word);
}

/** If the word is @word step over it. */
static bool skip(struct words *w, const char *word)
{
	if (!is(w, word))
		return false;
	advance(w);
	return true;
}

/** One comparison. */
struct term {
	enum { ADDRESS, NAME, MARK } what;
	enum nft_cmp_ops op;
	enum nft_direction dir;
	enum nft_field field;
	const char *key; ///< as it is written
	struct prefix prefix;
	uint32_t mark;
};

static const struct {
	const char *key;
	int family;
	struct term term;
} subjects[] = {
	{"ip saddr", AF_INET, {.what = ADDRESS, .dir = NFT_SOURCE}},
	{"ip daddr", AF_INET, {.what = ADDRESS, .dir = NFT_DESTINATION}},
	{"ip6 saddr", AF_INET6, {.what = ADDRESS, .dir = NFT_SOURCE}},
	{"ip6 daddr", AF_INET6, {.what = ADDRESS, .dir = NFT_DESTINATION}},
	{"iifname", 0, {.what = NAME, .field = NFT_IIFNAME}},
	{"oifname", 0, {.what = NAME, .field = NFT_OIFNAME}},
	{"mark", 0, {.what = MARK}},
};

/** What is compared, and how. Returns what is wrong, or NULL. */
static const char *read_subject(struct words *w, int family, struct term *out)
{
	const char *second = NULL;
	char key[WORD * 2];

	(void)skip(w, "meta");
	(void)snprintf(key, sizeof(key), "%s", w->word);
	if (is(w, "ip") || is(w, "ip6")) {
		advance(w);
		second = w->word;
		(void)snprintf(key + strlen(key), sizeof(key) - strlen(key), " %s", second);
	}
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (strcmp(key, subjects[i].key) != 0)
			continue;
		if (subjects[i].family && subjects[i].family != family)
			return "of the other family";
		*out = subjects[i].term;
		out->key = subjects[i].key;
		advance(w);
		out->op = is(w, "!=") ? NFT_CMP_NEQ : NFT_CMP_EQ;
		(void)(skip(w, "!=") || skip(w, "=="));
		return NULL;
	}
	return "not a condition: known are ip saddr, ip daddr (ip6 for IPv6), iifname, oifname, "
	       "mark";
}

/** What it is compared with: the present word. */
static const char *read_value(const char *word, int family, struct term *t)
{
	size_t len = strlen(word);
	const char *wrong;
	char *end;

	if (len == 0)
		return "a value is missing behind it";
	if (t->what == NAME) // append() writes it without quotes, into one line of a record
		return len < IFNAMSIZ && !word[strcspn(word, " \t\n{},!=")]
			       ? NULL
			       : "not an interface name";
	if (t->what == MARK) {
		errno = 0;
		unsigned long n = strtoul(word, &end, 0);
		t->mark = (uint32_t)n;
		return *end || *word == '-' || errno || n > UINT32_MAX ? "not a number" : NULL;
	}
	if (strchr(word, '/')) {
		wrong = prefix_parse(&t->prefix, word);
	} else {
		wrong = ip_parse(&t->prefix.ip, word);
		t->prefix.len = ip_bits(&t->prefix.ip);
	}
	if (!wrong && t->prefix.ip.family != family)
		wrong = "of the other family";
	return wrong;
}

static bool append(struct arena *arena, const char **text, const struct term *t, const char *value)
{
	*text = arena_printf(arena, "%s%s%s%s%s", *text, **text ? " " : "", t->key,
			     t->op == NFT_CMP_NEQ ? " != " : " ", value);
	return *text;
}

/** One condition, the next words; one with a set is several. */
static const char *read_condition(struct words *w, int family, struct arena *arena,
				  const char **text)
{
	struct term t;
	const char *wrong = read_subject(w, family, &t);
	bool set;

	if (wrong)
		return wrong;
	set = is(w, "{");
	if (set && (t.what != ADDRESS || t.op == NFT_CMP_EQ))
		return "a set is understood for addresses and behind != only";
	do {
		if (set)
			advance(w);
		wrong = read_value(w->word, family, &t);
		if (wrong)
			return wrong;
		if (!append(arena, text, &t, w->word))
			return "out of memory";
		advance(w);
	} while (set && is(w, ","));
	return set && !skip(w, "}") ? "} or a comma is missing before it" : NULL;
}

int condition_parse(const char *const list[], size_t n, int family, const char *at,
		    struct arena *arena, const char **text, struct err *e)
{
	struct words w = {.list = list, .n = n};
	const char *made = "";

	if (n && (list[0][0] == '-' || list[0][0] == '!')) {
		(void)err_set(e, ERR_CONFIG,
			      "%s[0]: \"%.64s\": a match of iptables; write it for nft", at,
			      list[0]);
		return err_hint(e, family == AF_INET
					   ? "\"! -d 192.0.2.0/24\" is \"ip daddr != "
					     "192.0.2.0/24\", \"-i eth0\" is \"iifname eth0\""
					   : "\"! -d 2001:db8::/64\" is \"ip6 daddr != "
					     "2001:db8::/64\", \"-i eth0\" is \"iifname "
					     "eth0\"");
	}
	advance(&w);
	while (w.i < w.n) {
		const char *wrong = read_condition(&w, family, arena, &made);

		if (wrong)
			return err_set(e, ERR_CONFIG, "%s[%zu]: \"%s\": %s", at,
				       w.i < n ? w.i : n - 1, w.i < n ? w.word : list[n - 1],
				       wrong);
	}
	*text = made;
	return 0;
}

void condition_put(struct nl_msg *m, const char *text)
{
	struct words w = {.list = &text, .n = 1};

	advance(&w);
	while (w.i < w.n) {
		int family = is(&w, "ip6") ? AF_INET6 : AF_INET;
		struct term t;

		if (read_subject(&w, family, &t) || read_value(w.word, family, &t))
			return;
		if (t.what == ADDRESS)
			nft_match_prefix(m, t.dir, t.op, &t.prefix);
		else if (t.what == NAME)
			nft_match_ifname(m, t.field, t.op, w.word);
		else
			nft_match_mark(m, t.op, t.mark);
		advance(&w);
	}
}
