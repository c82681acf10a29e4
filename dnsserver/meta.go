package dnsserver

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxString is how long one character-string of a TXT record may be.
const maxString = 255

// metaRR is one pair of a node's metadata as a TXT record (RFC 1464).
func metaRR(name, key, value string, ttl uint32) dns.RR {
	text := quoteAttribute(key) + "=" + value
	rr := &dns.TXT{Hdr: header(name, dns.TypeTXT, ttl)}
	for chunk := range slices.Chunk([]byte(text), maxString) {
		rr.Txt = append(rr.Txt, escapeText(string(chunk)))
	}
	return rr
}

// quoteAttribute puts a grave accent before the characters that RFC 1464 reserves in
// a name: "=", the accent, and blanks at either end.
func quoteAttribute(key string) string {
	const blanks = " \t"
	begin := len(key) - len(strings.TrimLeft(key, blanks))
	end := len(strings.TrimRight(key, blanks))
	out := make([]byte, 0, len(key))
	for i := range len(key) {
		if c := key[i]; c == '=' || c == '`' || i < begin || i >= end {
			out = append(out, '`')
		}
		out = append(out, key[i])
	}
	return string(out)
}

// escapeText writes raw text as the DNS library takes it.
func escapeText(text string) string { return strings.ReplaceAll(text, `\`, `\\`) }

// metaRRs is all of a node's metadata, sorted by key.
func metaRRs(name string, meta map[string]string, ttl uint32) []dns.RR {
	rrs := make([]dns.RR, 0, len(meta))
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		rrs = append(rrs, metaRR(name, key, meta[key], ttl))
	}
	return rrs
}
