package httpapi

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

// dribble sends text a byte a second until the other side has gone, and returns after how
// long that was.
func dribble(c net.Conn, text string) time.Duration {
	began := time.Now()
	go io.Copy(io.Discard, c)
	for i := range text {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			break
		}
		time.Sleep(time.Second)
	}
	return time.Since(began)
}

// takeAfter takes what comes, but only after a while, and returns when it has ended. A pipe
// holds nothing: until then the server waits in its write.
func takeAfter(c net.Conn, d time.Duration) time.Duration {
	began := time.Now()
	time.Sleep(d)
	io.Copy(io.Discard, c)
	return time.Since(began)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	long := strings.Repeat("x", 100)
	for name, c := range map[string]struct {
		send  func(net.Conn) time.Duration
		limit time.Duration
	}{
		"a header byte by byte": {func(c net.Conn) time.Duration {
			return dribble(c, "GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "+long)
		}, headerTimeout + 2*time.Second},
		"a body byte by byte": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n")
			return dribble(c, long)
		}, bodyTimeout + 2*time.Second},
		"chunks that never end": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
			return dribble(c, strings.Repeat("1\r\nx\r\n", 20))
		}, bodyTimeout + 2*time.Second},
		"a body that nobody reads": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "PUT /no/such/path HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n")
			return dribble(c, long)
		}, bodyTimeout + 2*time.Second},
		"nothing at all": {func(c net.Conn) time.Duration {
			began := time.Now()
			io.Copy(io.Discard, c)
			return time.Since(began)
		}, headerTimeout + 2*time.Second},
		"half open after an answer": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "GET /v1/catalog/datacenters HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			began := time.Now()
			io.Copy(io.Discard, c)
			return time.Since(began)
		}, idleTimeout + time.Second},
		"an answer that is not taken": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "GET /v1/catalog/services HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			return takeAfter(c, writeTimeout+time.Second)
		}, writeTimeout + 3*time.Second},
		"a stream that is not taken": {func(c net.Conn) time.Duration {
			fmt.Fprintf(c, "GET /v1/covey/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			return takeAfter(c, streamWrite+time.Second)
		}, streamWrite + 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a, dial, stop := startInBubble(t, nil)
				client := dial()
				client.SetReadDeadline(time.Now().Add(10 * time.Minute)) // so that the test ends
				took := c.send(client)
				if took > c.limit {
					t.Errorf("cut off after %v, not within %v", took, c.limit)
				}
				client.Close()
				bubble.Wait()
				if n := s.Stats().Conns; n != 0 || len(a.services) != 0 {
					t.Errorf("%d connections, %d services", n, len(a.services))
				}
				stop()
			})
		})
	}
}

func TestWaitsOfAYearEndWithinTheHour(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		_, _, dial, stop := startInBubble(t, nil)
		for _, wait := range []string{"8760h", "2562047h"} {
			c := dial()
			began := time.Now()
			fmt.Fprintf(c, "GET /v1/health/service/web?index=9999999999999&wait=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", wait)
			if code, body := readReply(t, c); code != 200 || body != "[]" {
				t.Errorf("wait=%s: %d %s", wait, code, body)
			}
			if took := time.Since(began); took < maxWait || took > maxWait+maxWait/jitterShare {
				t.Errorf("wait=%s took %v", wait, took)
			}
			c.Close()
		}
		for _, wait := range []string{"9999999999h", "-1s", "1y", "1", "Inf"} {
			c := dial()
			fmt.Fprintf(c, "GET /v1/health/service/web?index=1&wait=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", wait)
			if code, body := readReply(t, c); code != 400 || !strings.Contains(body, "invalid wait time") {
				t.Errorf("wait=%s: %d %s", wait, code, body)
			}
			c.Close()
		}
		stop()
	})
}

// memoryHeld is what heap and stacks take, without what pools hold, and the stacks alone.
func memoryHeld() (all, stacks uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse, m.StackInuse
}

func TestFiveThousandIdleConnectionsHoldUpNobody(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const n = 5000
		s, a, dial, stop := startInBubble(t, nil)
		before, _ := memoryHeld()
		idle := make([]net.Conn, n)
		for i := range idle {
			idle[i] = dial()
			fmt.Fprint(idle[i], "GET /v1/catalog/datacenters HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			if code, _ := readReply(t, idle[i]); code != 200 {
				t.Fatalf("connection %d: %d", i, code)
			}
		}
		bubble.Wait()
		if during, _ := memoryHeld(); (during-before)/n > 40<<10 {
			t.Errorf("an idle connection costs %d bytes", (during-before)/n)
		}
		if open := s.Stats().Conns; open != n {
			t.Errorf("%d connections are open", open)
		}
		one := dial()
		fmt.Fprintf(one, "PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", len(itemService), itemService)
		if code, body := readReply(t, one); code != 200 || len(a.services) != 1 {
			t.Errorf("registering beside them: %d %s", code, body)
		}
		time.Sleep(idleTimeout + time.Second)
		bubble.Wait()
		if open := s.Stats().Conns; open != 0 {
			t.Errorf("%d connections are open after %v of silence", open, idleTimeout)
		}
		for _, c := range append(idle, one) {
			c.Close()
		}
		stop()
	})
}

// A client that goes while a read blocks must not keep its place, and a body that comes
// after the answer must not become a request.
func TestBlockedReadsEndWithTheirClients(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, a, dial, stop := startInBubble(t, func(c *Config) { c.MaxWaiting = 2 })
		blocked := []net.Conn{dial(), dial()}
		for _, c := range blocked {
			fmt.Fprint(c, "GET /v1/health/service/web?index=9999999999999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		}
		bubble.Wait()
		third := dial()
		fmt.Fprint(third, "GET /v1/health/service/web?index=9999999999999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		if code, body := readReply(t, third); code != 503 || !strings.Contains(body, "2 blocking reads") {
			t.Errorf("the third: %d %s", code, body)
		}
		fmt.Fprint(third, "GET /v1/health/service/web HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		if code, _ := readReply(t, third); code != 200 {
			t.Errorf("a read that does not block: %d", code)
		}
		blocked[0].Close()
		bubble.Wait()
		if n := s.Stats().Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
		blocked[1].Close()
		third.Close()
		bubble.Wait()
		stop()
	})
}
