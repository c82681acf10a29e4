package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"covey/internal/fault"
)

// maxBody is the longest request body that is read.
const maxBody = 1 << 20

var errTooLong = fault.New(fault.Invalid, "the body is longer than %d bytes (1 MiB)", maxBody)

// readBody returns the request's body, which must be whole, in time and not too long.
func readBody(w http.ResponseWriter, r *request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLong
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, errTooLong
	case err != nil:
		return nil, fault.New(fault.Invalid, "the body did not arrive whole: %w", err)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, fault.New(fault.Invalid, "the body is empty: a JSON object is wanted")
	}
	// Left standing, the deadline for the body would cancel a write that takes longer.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, nil
}
