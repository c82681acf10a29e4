package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-sockaddr"
	"github.com/hashicorp/memberlist"

	"covey/gossip/replica"
)

// Replication's first bytes. memberlist uses 0-13 and 244, so these cannot be its.
const (
	magicPacket = 0xc0
	magicStream = 0xc1
	magicVigil  = 0xc2 // a stream on which nothing is said: its end is what is of interest
)

const (
	maxPacket     = 65535
	retryAccept   = 50 * time.Millisecond
	packetBacklog = 1024 // replication packets waiting to be taken
	receiveBuffer = 4 << 20
)

// inbound is a frame as received, opened.
type inbound struct {
	from  replica.ID
	frame []byte
	addr  netip.AddrPort // where a packet came from; invalid for a stream
}

// transport is the gossip port. It is memberlist's Transport for what is serf's, and
// hands what is replication's to frames. memberlist's own NetTransport would allocate
// 64 KiB for every packet; this one copies each to its size.
type transport struct {
	network  Network
	listener net.Listener
	packets  net.PacketConn
	port     int
	bindIP   string
	sealer   *sealer
	streams  *streams
	refused  *refusals
	log      *slog.Logger

	// arrive is offered packets first, as many as there were to read.
	arrive func([]inbound) bool
	// Opened replication frames. Packets that find theirs full are dropped. A stream waits
	// until its frame is taken, in turn with all other streams, and never before packets.
	frames   chan inbound
	bulk     chan inbound
	packetCh chan *memberlist.Packet
	streamCh chan net.Conn

	callers *callers

	dropped    atomic.Uint64 // replication packets that came while frames was full
	overBudget atomic.Uint64 // packets of any kind from a source that sends without end

	closing chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(n Network, ip string, port int, s *sealer, refused *refusals, arrive func([]inbound) bool, log *slog.Logger) (*transport, error) {
	l, p, chosen, err := bindBoth(n, ip, port)
	if err != nil {
		return nil, err
	}
	if b, ok := p.(interface{ SetReadBuffer(int) error }); ok {
		_ = b.SetReadBuffer(receiveBuffer) // the kernel gives what it allows
	}
	t := &transport{
		network: n, listener: l, packets: p, port: chosen, bindIP: ip, sealer: s, refused: refused, arrive: arrive, log: log,
		frames:   make(chan inbound, packetBacklog),
		bulk:     make(chan inbound),
		packetCh: make(chan *memberlist.Packet),
		streamCh: make(chan net.Conn),
		callers:  newCallers(),
		closing:  make(chan struct{}),
	}
	t.streams = newStreams(n, s, log)
	t.wg.Go(t.readPackets)
	t.wg.Go(t.acceptStreams)
	return t, nil
}

// send sends a replication frame as a packet.
func (t *transport) send(addr netip.AddrPort, frame []byte) error {
	b, err := t.sealer.seal([]byte{magicPacket}, frame)
	if err != nil {
		return err
	}
	if c, ok := t.packets.(interface {
		WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	}); ok {
		_, err = c.WriteToUDPAddrPort(b, addr)
	} else {
		_, err = t.packets.WriteTo(b, net.UDPAddrFromAddrPort(addr))
	}
	return err
}

// maxRead is how many packets are read before those of replication are handed on.
const maxRead = 64

// readPackets reads until the transport closes.
func (t *transport) readPackets() {
	buf := make([]byte, maxPacket)
	allowed := newBudget()
	more, _ := t.packets.(interface {
		tryRead([]byte) (n int, from net.Addr, ok bool, err error)
	})
	var batch []inbound
	for {
		n, from, err := t.packets.ReadFrom(buf)
		batch = batch[:0]
		drained := false
		for range maxRead {
			if err != nil {
				break
			}
			if in, ok := t.sortPacket(buf[:n], from, allowed); ok {
				batch = append(batch, in)
			}
			if more == nil {
				break
			}
			var ok bool
			if n, from, ok, err = more.tryRead(buf); !ok {
				drained = true
				break
			}
		}
		t.handOn(batch, drained)
		if t.isClosing() {
			return
		}
		if err != nil && !transient(err) {
			t.log.Error("cannot read gossip packets", "address", t.packets.LocalAddr(), "error", err)
			t.pause()
		}
	}
}

// sortPacket returns a packet that is replication's, opened, and hands others to serf.
func (t *transport) sortPacket(b []byte, from net.Addr, allowed *budget) (in inbound, ok bool) {
	at := time.Now()
	addr := addrPortOf(from)
	switch {
	case len(b) == 0:
	case !allowed.take(addr, len(b), at):
		t.overBudget.Add(1)
	case b[0] == magicPacket:
		id, frame, err := t.sealer.open(b[1:])
		if err != nil {
			t.refused.count(err, from)
			return in, false
		}
		if t.sealer.keyring == nil || !t.sealer.verifyIncoming {
			frame = append([]byte(nil), frame...) // it may lie in the read buffer
		}
		return inbound{id, frame, addr}, true
	default:
		p := &memberlist.Packet{Buf: append([]byte(nil), b...), From: from, Timestamp: at}
		select {
		case t.packetCh <- p:
		case <-t.closing:
		}
	}
	return in, false
}

// handOn hands replication packets on: at once, if there were no more to read and it
// can be; else for the loop to take, since the kernel drops serf's packets with all
// others when reading falls behind.
func (t *transport) handOn(batch []inbound, drained bool) {
	if len(batch) == 0 || drained && t.arrive(batch) {
		return
	}
	for _, in := range batch {
		select {
		case t.frames <- in:
		default:
			t.dropped.Add(1)
		}
	}
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (t *transport) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	if ip == "" {
		ip = t.bindIP
		port = t.port
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return nil, 0, fmt.Errorf("the address to advertise, %q, is no IP; set --advertise", ip)
	}
	if addr.IsUnspecified() {
		private, err := sockaddr.GetPrivateIP()
		if err != nil || private == "" {
			return nil, 0, fmt.Errorf("bound to %s, this host has no private address to advertise; set --advertise", ip)
		}
		if addr, err = netip.ParseAddr(private); err != nil {
			return nil, 0, fmt.Errorf("the host's private address %q cannot be read: %w; set --advertise", private, err)
		}
	}
	if port == 0 {
		port = t.port
	}
	return addr.Unmap().AsSlice(), port, nil
}

// WriteTo implements memberlist.Transport.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return time.Time{}, err
	}
	_, err = t.packets.WriteTo(b, to)
	return time.Now(), err
}

// WriteToAddress implements memberlist.NodeAwareTransport.
func (t *transport) WriteToAddress(b []byte, addr memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, addr.Addr)
}

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.context(), timeout)
	defer cancel()
	conn, err := t.network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &dialed{conn, context.AfterFunc(t.context(), func() { conn.Close() })}, nil
}

// dialed is a connection that ends with the transport, so that whoever waits for a
// peer's answer does not hold up the end.
type dialed struct {
	net.Conn
	release func() bool
}

// Close implements net.Conn.
func (d *dialed) Close() error {
	d.release()
	return d.Conn.Close()
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(addr memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(addr.Addr, timeout)
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.streamCh }

// Shutdown implements memberlist.Transport. It closes the port and waits for its
// goroutines; calling it again does nothing.
func (t *transport) Shutdown() error {
	t.once.Do(func() {
		close(t.closing)
		t.listener.Close()
		t.packets.Close()
		t.streams.close()
	})
	t.wg.Wait()
	return nil
}

func (t *transport) isClosing() bool {
	select {
	case <-t.closing:
		return true
	default:
		return false
	}
}

// context ends when the transport closes.
func (t *transport) context() context.Context { return closeContext{t.closing} }

func (t *transport) pause() {
	select {
	case <-t.closing:
	case <-time.After(retryAccept):
	}
}

// transient reports whether a read failed only because the system passed on an ICMP
// answer to an earlier packet of ours.
func transient(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}

// closeContext makes a channel that is closed once a context.
type closeContext struct{ done <-chan struct{} }

func (c closeContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c closeContext) Done() <-chan struct{}       { return c.done }
func (c closeContext) Value(any) any               { return nil }
func (c closeContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

func ipOf(a net.Addr) netip.Addr {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func addrPortOf(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := u.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
