package httpapi

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"covey/internal/fault"
)

// Tokens are who may do what. They do not change; SetTokens puts others in their place.
type Tokens struct {
	entries   []tokenEntry
	anonymous Role // of who shows none
}

// tokenEntry is a token, of which only the hash is kept: neither a dump of memory nor the
// time of a comparison tells of it.
type tokenEntry struct {
	hash [sha256.Size]byte
	role Role
}

const (
	// MinTokenLen keeps what can be guessed from being a token.
	MinTokenLen = 16
	maxTokenLen = 512
	maxTokens   = 1000 // all are compared with, each time

	anonymousToken = "anonymous"
)

// ParseTokens reads a file of tokens: on each line a role (read, register or operate) and
// a token of 16 to 512 visible characters, parted by blanks. The token "anonymous" stands
// for those who show none; without it they may do nothing. Empty lines, and what follows a
// #, are passed over. Errors name lines but no token.
func ParseTokens(text []byte) (*Tokens, error) {
	t := &Tokens{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if err := t.add(fields); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.New(fault.Invalid, "a line is too long: %w", err)
	}
	if len(t.entries) == 0 {
		return nil, fault.New(fault.Invalid, "there is no token: with this file nobody could register or operate anything")
	}
	return t, nil
}

func (t *Tokens) add(fields []string) error {
	if len(fields) != 2 {
		return fault.New(fault.Invalid, "want a role and a token, such as: register 4f1c...")
	}
	role, ok := parseRole(fields[0])
	token := fields[1]
	switch {
	case !ok:
		return fault.New(fault.Invalid, "the first word is none of read, register and operate")
	case token == anonymousToken && role != Read:
		return fault.New(fault.Invalid, "those without a token may be let read at most")
	case token == anonymousToken:
		t.anonymous = role
		return nil
	case len(token) < MinTokenLen || len(token) > maxTokenLen:
		return fault.New(fault.Invalid, "the token has %d characters; want %d to %d, drawn at random (`covey keygen` will do)", len(token), MinTokenLen, maxTokenLen)
	case strings.IndexFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		return fault.New(fault.Invalid, "the token holds something else than visible ASCII characters")
	case len(t.entries) == maxTokens:
		return fault.New(fault.Invalid, "there are more than %d tokens", maxTokens)
	}
	hash := sha256.Sum256([]byte(token))
	if _, known := t.roleOf(hash); known {
		return fault.New(fault.Invalid, "the token is on an earlier line too")
	}
	t.entries = append(t.entries, tokenEntry{hash, role})
	return nil
}

// role returns that of a token, "" for none, and whether it is one.
func (t *Tokens) role(token string) (role Role, known bool) {
	if token == "" || token == anonymousToken {
		return t.anonymous, true
	}
	role, known = t.roleOf(sha256.Sum256([]byte(token)))
	return max(role, t.anonymous), known
}

// roleOf takes the same time whichever token it is, if it is one.
func (t *Tokens) roleOf(hash [sha256.Size]byte) (role Role, known bool) {
	for i := range t.entries {
		e := &t.entries[i]
		if subtle.ConstantTimeCompare(e.hash[:], hash[:]) == 1 {
			role, known = e.role, true
		}
	}
	return role, known
}

// judged is by which tokens requests are judged, until changed is closed.
type judged struct {
	tokens  *Tokens // nil for none
	changed chan struct{}
}

// SetTokens has requests judged by t from now on, and so those that go on for long; nil lets
// everyone do everything.
func (s *Server) SetTokens(t *Tokens) {
	if before := s.judged.Swap(&judged{t, make(chan struct{})}); before != nil {
		close(before.changed)
	}
}
