package catalog

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a record may hold. They bound what one registration can cost every
// other host, so they are checked where a record is written and again where one is
// received.
const (
	MaxIDLen        = 255
	MaxTags         = 256
	MaxTagLen       = 512
	MaxMeta         = 64
	MaxMetaKeyLen   = 128
	MaxMetaValueLen = 512
	MaxChecks       = 64 // of a service or a node, besides the one of its maintenance
	MaxAddresses    = 16
	MaxExtra        = 16 << 10
	MaxNotes        = 1024
	MaxPlace        = 128 // of a zone's or a region's name
)

// CheckLabel says what keeps name from being one DNS label (RFC 1035 section 2.3.1,
// with a leading digit as RFC 1123 allows), or nil.
func CheckLabel(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("must not be empty")
	case len(name) > 63:
		return fmt.Errorf("%q is longer than the 63 characters of a DNS label", clip(name))
	case name[0] == '-' || name[len(name)-1] == '-':
		return fmt.Errorf("%q begins or ends with a hyphen, which no DNS label may", name)
	}
	for _, c := range []byte(name) {
		if !(c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') {
			return fmt.Errorf("%q is no DNS label: only letters, digits and hyphens may stand in it", name)
		}
	}
	return nil
}

// CheckHostName says what keeps name from being a host name of one or more labels.
// Underscores are let pass: hosts that bear them exist.
func CheckHostName(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("%q is longer than the 253 characters of a DNS name", clip(name))
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if err := CheckLabel(strings.ReplaceAll(label, "_", "x")); err != nil {
			return fmt.Errorf("%q is no host name: its labels are 1 to 63 letters, digits and hyphens", name)
		}
	}
	return nil
}

// CheckAddress says what keeps text from being an IP address that can be answered or
// a host name, or nil. Names that look like mistyped IPv4 addresses are refused.
func CheckAddress(text string) error {
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip.Zone() != "" {
			return fmt.Errorf("%q has a zone, which means nothing on other hosts", text)
		}
		if ip.IsUnspecified() || ip.IsMulticast() {
			return fmt.Errorf("%q is not an address a client can connect to", text)
		}
		return nil
	}
	last := text[strings.LastIndexByte(strings.TrimSuffix(text, "."), '.')+1:]
	if strings.TrimLeft(last, "0123456789.") == "" || strings.Contains(text, ":") {
		return fmt.Errorf("%q is neither an IP address nor a host name", text)
	}
	return CheckHostName(text)
}

// CheckText says what keeps text from being shown on one line: it must be UTF-8
// without control characters, and no longer than limit bytes.
func CheckText(text string, limit int) error {
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		return fmt.Errorf("%q holds a control character", clip(text))
	}
	return checkProse(text, limit)
}

// checkProse is CheckText for what may have several lines.
func checkProse(text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%q is longer than %d bytes", clip(text), limit)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", clip(text))
	}
	return nil
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
