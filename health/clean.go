package health

// Clean makes text fit to be a check's output: UTF-8 without control characters, of
// catalog.MaxOutput bytes at most. Text that fits already stays as it is.
func Clean(text string) string { return clean(text) }
