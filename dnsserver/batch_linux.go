package dnsserver

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch reads and writes the packets of one socket many at a time (recvmmsg(2),
// sendmmsg(2)), which at high load is most of what a DNS server costs. It belongs to
// one goroutine.
type batch struct {
	raw  syscall.RawConn
	read func(fd uintptr) bool // tryReceive, made once
	post func(fd uintptr) bool // trySend, likewise

	in, out  [batchSize]mmsghdr
	inVec    [batchSize]unix.Iovec
	outVec   [batchSize]unix.Iovec
	clients  [batchSize]unix.RawSockaddrInet6 // holds one of IPv4 as well
	control  [batchSize][controlSize]byte
	packets  [batchSize][longestQuestion]byte
	room     [batchSize][longestQuestion]byte // for replies
	replies  [batchSize][]byte
	received int           // packets in the batch
	waiting  []mmsghdr     // of out, still to be sent
	errno    syscall.Errno // of the last call
}

const (
	batchSize   = 64
	controlSize = 128 // more than the destination of a packet takes, told in both families
)

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// newBatch returns a batch for a socket. withDestination says that the socket tells
// where packets were sent to, so that replies leave from there.
func newBatch(udp *net.UDPConn, withDestination bool) (*batch, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{raw: raw, received: batchSize}
	b.read, b.post = b.tryReceive, b.trySend
	for i := range batchSize {
		b.inVec[i].Base = &b.packets[i][0]
		b.inVec[i].SetLen(longestQuestion)
		in, out := &b.in[i].hdr, &b.out[i].hdr
		in.Name = (*byte)(unsafe.Pointer(&b.clients[i]))
		in.Iov, out.Iov = &b.inVec[i], &b.outVec[i]
		in.SetIovlen(1)
		out.SetIovlen(1)
		if withDestination {
			in.Control = &b.control[i][0]
		}
	}
	return b, nil
}

// receive waits for packets and takes as many as there are.
func (b *batch) receive() error {
	for i := range b.received { // the kernel wrote into no others
		h := &b.in[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		if h.Control != nil {
			h.SetControllen(controlSize)
		}
	}
	b.received = 0
	if err := b.raw.Read(b.read); err != nil {
		return err
	}
	if b.errno != 0 {
		return b.errno
	}
	return nil
}

func (b *batch) tryReceive(fd uintptr) bool {
	b.received, b.errno = mmsg(unix.SYS_RECVMMSG, fd, b.in[:])
	return b.errno != syscall.EAGAIN
}

// packet returns one of those received.
func (b *batch) packet(i int) []byte { return b.packets[i][:b.in[i].len] }

// client is who sent it.
func (b *batch) client(i int) netip.Addr {
	c := &b.clients[i]
	if c.Family == unix.AF_INET {
		c4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(c))
		return netip.AddrFrom4(c4.Addr)
	}
	return netip.AddrFrom16(c.Addr)
}

// sendTo returns a function that sends one packet to client i from the address that it
// wrote to, also after the batch has gone on.
func (s *Server) sendTo(udp *net.UDPConn, b *batch, i int) func(reply []byte) {
	client := b.clientPort(i)
	var control []byte
	if h := &b.in[i].hdr; h.Control != nil {
		control = append(control, b.control[i][:h.Controllen]...)
		anySourceInterface(control)
	}
	return func(reply []byte) {
		if _, _, err := udp.WriteMsgUDPAddrPort(reply, control, client); err != nil && !s.closed() {
			s.trouble.Error("dns: cannot send a reply over UDP; it was dropped", "client", client.String(), "error", err)
		}
	}
}

// clientPort is who sent it, with port and, where the address needs it, interface.
func (b *batch) clientPort(i int) netip.AddrPort {
	c := &b.clients[i]
	port := c.Port>>8 | c.Port<<8 // it stands in the order of the network
	ip := b.client(i)
	if c.Family == unix.AF_INET6 && c.Scope_id != 0 {
		ip = ip.WithZone(strconv.Itoa(int(c.Scope_id)))
	}
	return netip.AddrPortFrom(ip, port)
}

// send writes replies[i] to client i for each i in those. What cannot be sent is left
// out, and the last reason why is returned.
func (b *batch) send(those []int) (err error) {
	for k, i := range those {
		in, out := &b.in[i].hdr, &b.out[k].hdr
		b.outVec[k].Base = &b.replies[i][0]
		b.outVec[k].SetLen(len(b.replies[i]))
		out.Name, out.Namelen = in.Name, in.Namelen
		out.Control, out.Controllen = in.Control, in.Controllen
		if in.Control != nil {
			anySourceInterface(b.control[i][:in.Controllen])
		}
	}
	b.waiting = b.out[:len(those)]
	for len(b.waiting) > 0 {
		if werr := b.raw.Write(b.post); werr != nil {
			return werr
		}
		if b.errno != 0 {
			err = b.errno
			b.waiting = b.waiting[1:] // it says so of the first one
		}
	}
	return err
}

func (b *batch) trySend(fd uintptr) bool {
	var n int
	n, b.errno = mmsg(unix.SYS_SENDMMSG, fd, b.waiting)
	b.waiting = b.waiting[n:]
	return b.errno != syscall.EAGAIN
}

func mmsg(call, fd uintptr, list []mmsghdr) (n int, errno syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall6(call, fd, uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// anySourceInterface turns the destination of a packet into the source of its reply:
// the address stays, the interface is the routes' to choose. A link-local address means
// nothing without its interface, which therefore stays, too.
func anySourceInterface(control []byte) {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		if h.Len < unix.SizeofCmsghdr {
			return
		}
		data := control[unix.SizeofCmsghdr:min(int(h.Len), len(control))]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			clear(data[:4]) // ipi_ifindex
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			if !(data[0] == 0xfe && data[1]&0xc0 == 0x80) {
				clear(data[16:20]) // ipi6_ifindex
			}
		}
		control = control[min(unix.CmsgSpace(len(data)), len(control)):]
	}
}

// batches reports whether this system reads and writes many packets at a time.
const batches = true

// shareAddress lets several sockets have one address.
func shareAddress(_, _ string, raw syscall.RawConn) error {
	var err error
	if cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}

// batchReply is what to send at once for packet i of a batch, empty for nothing.
func (s *Server) batchReply(w *scribe, udp *net.UDPConn, b *batch, i int) []byte {
	packet, via := b.packet(i), from(b.client(i), false)
	if reply, limited := s.limit.curb(packet, via, b.room[i][:]); limited {
		return reply
	}
	reply, later := w.reply(packet, via, b.room[i][:0])
	if later {
		return s.answerLater(packet, via, s.sendTo(udp, b, i))
	}
	return reply
}

// serveBatches answers packets until the socket is closed. It is bound to no thread:
// handing one over at each wait would cost more than the batch saves.
func (s *Server) serveBatches(udp *net.UDPConn) {
	local := netip.MustParseAddrPort(udp.LocalAddr().String())
	b, err := newBatch(udp, local.Addr().IsUnspecified())
	if err != nil {
		return // it is closed
	}
	w := s.fast.scribe()
	those := make([]int, 0, batchSize)
	failures := 0
	for {
		if err := b.receive(); err != nil {
			if s.closed() || errors.Is(err, net.ErrClosed) {
				return
			}
			if errors.Is(err, syscall.ECONNREFUSED) {
				continue // an earlier reply was not wanted
			}
			s.trouble.Error("dns: cannot read from the UDP socket; trying again", "error", err)
			if failures++; !s.pause(failures) {
				return
			}
			continue
		}
		failures = 0
		those = those[:0]
		for i := range b.received {
			if b.replies[i] = s.batchReply(w, udp, b, i); len(b.replies[i]) > 0 {
				those = append(those, i)
			}
		}
		w.counts.addTo(&s.counts)
		if len(those) == 0 {
			continue
		}
		if err := b.send(those); err != nil && !s.closed() {
			s.trouble.Error("dns: cannot send a reply over UDP; it was dropped", "error", err)
		}
	}
}
