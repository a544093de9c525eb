// SPDX-License-Identifier: Apache-2.0

// Package slices stands in for the standard library's where Go is older than 1.21, as Debian 12's
// is: with what libcni uses of it, no more. A newer Go finds its own first.
package slices

import "sort"

// SortFunc sorts x as cmp orders it.
func SortFunc[S ~[]E, E any](x S, cmp func(a, b E) int) {
	sort.Slice(x, func(i, j int) bool { return cmp(x[i], x[j]) < 0 })
}
