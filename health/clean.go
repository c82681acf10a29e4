package health

import (
	"cmp"

	"covey/catalog"
)

// Clean makes text fit to be a check's output: UTF-8 without control characters, of limit
// bytes at most, or of catalog.MaxOutput if limit is 0 or more than that. Text that fits
// already stays as it is.
func Clean(text string, limit int) string {
	return clip(clean(text), min(cmp.Or(limit, catalog.MaxOutput), catalog.MaxOutput))
}
