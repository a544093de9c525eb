// SPDX-License-Identifier: Apache-2.0
#include "conf/near.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 64, SLIP = 2 };

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/** One row of the table of distances: from the row of the text before @c to that with @c. */
static void extend(unsigned int *row, char c, const char *b, size_t n)
{
	unsigned int diagonal = row[0]++;

	for (size_t j = 1; j <= n; j++) {
		unsigned int changed = diagonal + (c != tolower((unsigned char)b[j - 1]));

		diagonal = row[j];
		row[j] = min(changed, min(row[j], row[j - 1]) + 1);
	}
}

/** Levenshtein's distance, blind to case. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[LONGEST];
	size_t n = strlen(b);

	if (n >= LONGEST || strlen(a) >= LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (; *a; a++)
		extend(row, (char)tolower((unsigned char)*a), b, n);
	return row[n];
}

const struct conf_field *conf_nearest(const struct conf_field fields[], const char *key)
{
	const struct conf_field *best = NULL;
	unsigned int least = SLIP + 1;

	for (const struct conf_field *f = fields; f && f->key; f++) {
		unsigned int d = distance(key, f->key);

		// In a short key two slips make another word.
		if (d < least && strlen(f->key) >= 3UL * d) {
			least = d;
			best = f;
		}
	}
	return best;
}
