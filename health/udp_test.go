package health

import (
	"net"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

func TestUDPPassesUnlessItIsRefused(t *testing.T) {
	listen := func(t *testing.T) *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	silent := listen(t)
	at := silent.LocalAddr().String()
	v := ask(t, definition.Check{UDP: at, Timeout: 50 * time.Millisecond})
	wantVerdict(t, v, catalog.Passing, "UDP connect "+at+": Success")
	if !v.timedOut {
		t.Error("it held a run to its end and is not taken for slow")
	}
	buf := make([]byte, 10)
	if n, err := silent.Read(buf); n != 0 || err != nil {
		t.Errorf("the service was sent %d bytes, %v", n, err)
	}

	echo := listen(t)
	go func() {
		buf := make([]byte, 10)
		for {
			_, from, err := echo.ReadFromUDP(buf)
			if err != nil {
				return
			}
			echo.WriteToUDP([]byte("\x00garbage"), from)
		}
	}()
	at = echo.LocalAddr().String()
	v = ask(t, definition.Check{UDP: at, Timeout: time.Hour})
	wantVerdict(t, v, catalog.Passing, "UDP connect "+at+": Success")
	if v.timedOut {
		t.Error("an answer is taken for slow")
	}

	gone := listen(t)
	at = gone.LocalAddr().String()
	gone.Close()
	v = ask(t, definition.Check{UDP: at})
	wantVerdict(t, v, catalog.Critical, "UDP connect "+at+": read: connection refused")
	v = ask(t, definition.Check{UDP: "169.254.169.254:53"})
	wantVerdict(t, v, catalog.Critical, "UDP connect 169.254.169.254:53: dial udp 169.254.169.254:53: checks may not reach 169.254.169.254, a link-local address")
}
