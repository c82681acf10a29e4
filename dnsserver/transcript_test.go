package dnsserver

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew")

// A transcript is a world (see world_test.go), then questions, each followed by the
// reply as it was parsed from the packet, indented. "#" begins a comment. A question
// is written
//
//	dig NAME TYPE [tcp] [edns=SIZE] [do] [version=N] [class=CH] [remote] [client=ADDRESS]
//	    [opcode=NOTIFY] [norec] [subnet=ADDRESS/BITS] [nsid]
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("%s differs (-update writes it anew); now it is:\n%s", file, got)
			}
		})
	}
}

// replay returns the transcript with the replies as they are now.
func replay(t *testing.T, transcript string) string {
	var out strings.Builder
	w := newWorld()
	for line := range strings.Lines(transcript) {
		if strings.HasPrefix(line, "\t") {
			continue // an earlier reply
		}
		out.WriteString(line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] != "dig" {
			if err := w.add(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			continue
		}
		q, via := question(t, words[1:])
		for _, l := range ask(t, w.resolver(t), q, via) {
			out.WriteString("\t" + l + "\n")
		}
	}
	return out.String()
}

func question(t testing.TB, words []string) (*dns.Msg, Transport) {
	t.Helper()
	qtype, ok := dns.StringToType[words[1]]
	if number, err := strconv.Atoi(strings.TrimPrefix(words[1], "TYPE")); !ok && err == nil {
		qtype, ok = uint16(number), true
	}
	if !ok {
		t.Fatalf("no type %q", words[1])
	}
	q := new(dns.Msg).SetQuestion(dns.Fqdn(words[0]), qtype)
	q.Id = 1
	via := Transport{Local: true}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		number, _ := strconv.Atoi(value)
		switch key {
		case "tcp":
			via.Stream = true
		case "remote":
			via.Local = false
		case "client":
			via.Client = netip.MustParseAddr(value)
			via.Local = via.Client.IsLoopback()
		case "subnet":
			q.IsEdns0().Option = append(q.IsEdns0().Option, clientSubnet(netip.MustParsePrefix(value)))
		case "nsid":
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		case "edns":
			q.SetEdns0(uint16(number), false)
		case "do":
			q.IsEdns0().SetDo()
		case "version":
			q.IsEdns0().SetVersion(uint8(number))
		case "class":
			q.Question[0].Qclass = dns.StringToClass[value]
		case "opcode":
			q.Opcode = dns.StringToOpcode[value]
		case "norec":
			q.RecursionDesired = false
		default:
			t.Fatalf("no option %q", word)
		}
	}
	return q, via
}

// clientSubnet is the option of RFC 7871, with the address as it is given.
func clientSubnet(p netip.Prefix) *dns.EDNS0_SUBNET {
	family := uint16(1)
	if p.Addr().Is6() {
		family = 2
	}
	return &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
}

// ask sends the question as a packet and returns the parsed reply in words.
func ask(t testing.TB, r *Resolver, q *dns.Msg, via Transport) []string {
	t.Helper()
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := r.Respond(packet, via, nil)
	var m dns.Msg
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("the reply cannot be parsed: %v", err)
	}
	lines := []string{status(&m)}
	for _, part := range []struct {
		name string
		rrs  []dns.RR
	}{{"answer", m.Answer}, {"authority", m.Ns}, {"additional", m.Extra}} {
		for _, rr := range part.rrs {
			if opt, ok := rr.(*dns.OPT); ok {
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("edns       version %d, %d bytes %s", opt.Version(), opt.UDPSize(), map[bool]string{true: "do"}[opt.Do()])))
				for _, o := range opt.Option {
					lines = append(lines, fmt.Sprintf("option     %T %s", o, o))
				}
				continue
			}
			lines = append(lines, fmt.Sprintf("%-10s %s", part.name, strings.ReplaceAll(rr.String(), "\t", " ")))
		}
	}
	return lines
}

func status(m *dns.Msg) string {
	words := []string{rcodeName(m.Rcode)}
	if m.Opcode != dns.OpcodeQuery {
		words = append(words, dns.OpcodeToString[m.Opcode])
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"}} {
		if flag.set {
			words = append(words, flag.name)
		}
	}
	if len(m.Question) == 0 {
		words = append(words, "(no question)")
	}
	return strings.Join(words, " ")
}
