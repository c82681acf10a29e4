package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// pace asks at a steady rate and returns how long the answers took. Questions go out
// whether or not earlier ones were answered, so that a stall is seen by all that were
// due in it. A question that is lost is an error.
func pace(addr string, services int, rate float64, span time.Duration) (p50, p99, latest time.Duration, err error) {
	const sockets = 4
	var wg sync.WaitGroup
	took := make([][]time.Duration, sockets)
	errs := make([]error, sockets)
	for i := range sockets {
		wg.Go(func() { took[i], errs[i] = paceOne(addr, i, services, rate/sockets, span) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, 0, 0, err
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(all) == 0 {
		return 0, 0, 0, fmt.Errorf("no question was asked")
	}
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1], nil
}

// burst is how often questions go out: a timer cannot do each of them alone.
const burst = time.Millisecond

func paceOne(addr string, first, services int, rate float64, span time.Duration) ([]time.Duration, error) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20) // what is lost here is not the server's loss
	var mu sync.Mutex                              // guards sent
	sent := map[uint16]time.Time{}
	var took []time.Duration
	read := make(chan error, 1)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			now := time.Now()
			if err != nil {
				read <- nil // closed, or nothing more came
				return
			}
			if n < 12 || buf[3]&0xf != 0 {
				read <- fmt.Errorf("an answer that is none: % x", buf[:min(n, 12)])
				return
			}
			id := binary.BigEndian.Uint16(buf)
			mu.Lock()
			if at, ok := sent[id]; ok {
				took = append(took, now.Sub(at))
				delete(sent, id)
			}
			mu.Unlock()
		}
	}()
	packets := make([][]byte, services)
	for i := range packets {
		m := new(dns.Msg).SetQuestion(largeName((i+first)%services)+".service.local.", dns.TypeSRV).SetEdns0(4096, false)
		if packets[i], err = m.Pack(); err != nil {
			return nil, err
		}
	}
	began, n := time.Now(), 0
	tick := time.NewTicker(burst)
	defer tick.Stop()
	for range tick.C {
		since := time.Since(began)
		if since > span {
			break
		}
		for ; float64(n) < rate*since.Seconds(); n++ {
			p := packets[n%services]
			binary.BigEndian.PutUint16(p, uint16(n))
			mu.Lock()
			sent[uint16(n)] = time.Now()
			mu.Unlock()
			if _, err := conn.Write(p); err != nil {
				return nil, err
			}
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	if err := <-read; err != nil {
		return nil, err
	}
	if len(sent) > 0 {
		return nil, fmt.Errorf("%d of %d questions were not answered", len(sent), n)
	}
	return took, nil
}
