// SPDX-License-Identifier: Apache-2.0

// Laid over the standard library's package errors where Go is older than 1.20, as Debian 12's is:
// the one function that libcni uses and that such a Go lacks.
package errors

type joined []error

func (j joined) Error() string {
	text := ""
	for i, err := range j {
		if i > 0 {
			text += "\n"
		}
		text += err.Error()
	}
	return text
}

// Join returns an error that stands for all of errs that are not nil, or nil.
func Join(errs ...error) error {
	var all joined
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	if all == nil {
		return nil
	}
	return all
}
