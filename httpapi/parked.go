package httpapi

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"time"
)

// parked is a client whose read blocks, without what net/http keeps for a request under
// way: buffers, headers, and two stacks that have grown. What is left is the connection and
// the text of the request. When the wait is over net/http is given the connection as if it
// were a new one, and reads the request once more: it is answered then like any other, and
// the connection goes on as it was.
type parked struct {
	server *Server
	conn   net.Conn
	unread []byte // the request, and what came behind it
	method string
	stats  *routeStats

	next   [1]byte       // that the client sends while it waits
	nexts  int           // how many of these came
	failed error         // why no more will; written before listened is closed
	heard  chan struct{} // closed when one of the two is known
}

// maxParkedRequest bounds the text of a request that is parked; who sends longer ones waits
// in net/http's hands.
const maxParkedRequest = 4 << 10

// errParked goes up in an answer's place: the request is answered later and elsewhere.
var errParked = errors.New("the request is parked")

// park takes the connection of a request that is to wait from net/http; if it reports
// false, nothing has happened, and the request must wait where it is.
func (s *Server) park(r *request, n *nap) bool {
	x, ok := r.out.(*exchange)
	if !ok || r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.ProtoMajor != 1 {
		return false
	}
	text := requestText(r.Request)
	if len(text) > maxParkedRequest || !s.parking.enter() {
		return false
	}
	conn, in, err := http.NewResponseController(x).Hijack()
	if err != nil {
		s.parking.leave()
		return false
	}
	x.parked = true
	p := &parked{server: s, conn: conn, unread: text, method: r.Method, stats: x.stats, heard: make(chan struct{})}
	behind, _ := in.Reader.Peek(in.Reader.Buffered())
	p.unread = append(p.unread, behind...)
	if c, ok := conn.(*returned); ok { // parked before: what it has not yet been asked for is behind that
		p.conn, p.unread = c.Conn, append(p.unread, c.unread...)
	}
	go p.listen()
	go p.wait(n)
	return true
}

// requestText is a request without a body as it goes over the wire.
func requestText(r *http.Request) []byte {
	var b bytes.Buffer
	b.Grow(256)
	b.WriteString(r.Method + " " + r.RequestURI + " " + r.Proto + "\r\n")
	if r.Host != "" || r.ProtoAtLeast(1, 1) {
		b.WriteString("Host: " + r.Host + "\r\n")
	}
	_ = r.Header.Write(&b) // to memory: it cannot fail
	b.WriteString("\r\n")
	return bytes.Clone(b.Bytes())
}

// listen notices that the client has gone, or sent more than one request.
func (p *parked) listen() {
	p.nexts, p.failed = p.conn.Read(p.next[:])
	close(p.heard)
}

// wait sleeps with the client and hands it back to net/http.
func (p *parked) wait(n *nap) {
	stays := p.sleep(n)
	p.server.count.waiting.Add(-1)
	if stays {
		text := append(p.unread, p.next[:p.nexts]...)
		stays = p.server.parking.release(&returned{Conn: p.conn, unread: text})
	}
	if stays {
		return
	}
	_ = p.conn.Close()
	p.server.conns.leave(p.conn)
	p.server.parking.leave()
	p.stats.observe(p.method, statusGone, 0)
}

// sleep returns when the client is to be answered, or reports false if it has gone.
func (p *parked) sleep(n *nap) (stays bool) {
	heard := p.heard
	for !n.sleep(p.server.stopping, heard) {
		if p.failed != nil {
			return false
		}
		heard = nil // it sent more, and net/http could not listen further either
	}
	// The one who listens must be done before somebody else reads.
	_ = p.conn.SetReadDeadline(longAgo)
	<-p.heard
	_ = p.conn.SetReadDeadline(time.Time{})
	return p.failed == nil || errors.Is(p.failed, os.ErrDeadlineExceeded)
}

// longAgo is a deadline that ends what is under way.
var longAgo = time.Unix(1, 0)

// returned is a connection as net/http gets it back, with what there is to read before what
// comes from the client.
type returned struct {
	net.Conn
	unread []byte
	served int // requests since it came back; those of one connection come one by one
}

// Read implements net.Conn.
func (c *returned) Read(b []byte) (int, error) {
	if len(c.unread) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.unread)
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.unread = nil
	}
	return n, nil
}

// CloseWrite is what net/http looks for when it closes a connection on which the client
// still sends.
func (c *returned) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// returnedKey leads from a request's context to the connection, if it has been parked.
type returnedKey struct{}

// afterWait reports whether the request is one that was parked, and is to be answered now.
func afterWait(r *http.Request) bool {
	c, ok := r.Context().Value(returnedKey{}).(*returned)
	return ok && c.served == 1
}
