package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"covey/catalog"
	"covey/internal/bubble"
)

// remote is a connection from an address of choice.
type remote struct {
	net.Conn
	from netip.Addr
}

func (r remote) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.from, 40000))
}

// from dials a server in a bubble from an address.
func from(s *Server, addr string) *dialogue {
	ours, theirs := net.Pipe()
	s.listeners[0].(*pipeListener).conns <- remote{theirs, netip.MustParseAddr(addr)}
	return talk(ours)
}

func TestOneClientCannotTakeAllConnections(t *testing.T) {
	for _, c := range []struct {
		first, second string
		apart         bool
	}{
		{"192.0.2.1", "192.0.2.1", false},
		{"192.0.2.1", "192.0.2.2", true},
		{"192.0.2.1", "::ffff:192.0.2.1", false},
		{"2001:db8::1", "2001:db8::ffff:1", false},
		{"2001:db8::1", "2001:db8:0:1::1", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"::1", "::1", true},
	} {
		t.Run(c.first+" and "+c.second, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a, _, stop := startInBubble(t, func(c *Config) { c.MaxConnsPerClient = 2 })
				// One of the two waits: that frees no place.
				idle, waits := from(s, c.first), from(s, c.first)
				waits.ask(t, a.next(), "")
				parkedNow(t, s, 1)
				third := from(s, c.second)
				if c.apart {
					third.ask(t, "/v1/catalog/datacenters", "")
				}
				want, refused := http.StatusOK, uint64(0)
				if !c.apart {
					want, refused = http.StatusTooManyRequests, 1
				}
				r, body := third.reply(t)
				if r.StatusCode != want || strings.Contains(body, "limits.http_max_conns_per_client") == c.apart {
					t.Errorf("the third: %d %s", r.StatusCode, body)
				}
				third.Close()
				if st := s.Stats(); st.ClientsRefused != refused {
					t.Errorf("%+v", st)
				}
				a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
				if r, _ := waits.reply(t); r.StatusCode != 200 {
					t.Errorf("who waited: %d", r.StatusCode)
				}
				waits.Close()
				bubble.Wait()
				again := from(s, c.second)
				again.ask(t, "/v1/catalog/datacenters", "")
				if r, body := again.reply(t); r.StatusCode != 200 {
					t.Errorf("after another has gone: %d %s", r.StatusCode, body)
				}
				again.Close()
				idle.Close()
				stop()
				bubble.Wait()
				if s.conns.open != 0 || len(s.conns.byClient) != 0 {
					t.Errorf("counted at the end: %+v", s.conns.byClient)
				}
			})
		})
	}
}

// The text of a refusal is written by hand: it must be an answer.
func TestRefusalsOfConnectionsAreAnswers(t *testing.T) {
	for status, text := range map[int][]byte{503: noRoom, 429: noRoomForYours} {
		ours, theirs := net.Pipe()
		go func() { fmt.Fprintf(theirs, "%s", text); theirs.Close() }()
		if r, body := talk(ours).reply(t); r.StatusCode != status || !r.Close || int(r.ContentLength) != len(body) {
			t.Errorf("%+v %q", r, body)
		}
	}
}
