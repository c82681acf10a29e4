package rig

import (
	"bytes"
	"strings"
	"sync"
)

// Output collects what an agent writes, over all its lives. It is safe to read while
// the agent writes.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Len returns how much there is, for Since.
func (o *Output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Len()
}

// Since returns what was written after the first n bytes.
func (o *Output) Since(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf.Bytes()[n:])
}

// Lines returns the lines that contain text, compared without case.
func (o *Output) Lines(text string) []string {
	var found []string
	for line := range strings.Lines(o.String()) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(text)) {
			found = append(found, strings.TrimRight(line, "\n"))
		}
	}
	return found
}
