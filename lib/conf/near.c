// SPDX-License-Identifier: Apache-2.0
#include "conf/near.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 64, SLIP = 2 };

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
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
	for (unsigned int i = 1; *a; a++, i++) {
		unsigned int diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool same = tolower((unsigned char)*a) == tolower((unsigned char)b[j - 1]);
			unsigned int swapped = diag + !same;

			diag = row[j];
			row[j] = min3(swapped, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[n];
}

const struct conf_field *conf_nearest(const struct conf_field fields[], const char *key)
{
	const struct conf_field *best = NULL;
	unsigned int least = SLIP + 1;

	for (const struct conf_field *f = fields; f && f->key; f++) {
		unsigned int d = distance(key, f->key);

		// In a short key two slips make another word.
		if (d < least && d * 3 <= strlen(f->key)) {
			least = d;
			best = f;
		}
	}
	return best;
}
