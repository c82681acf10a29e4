package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
)

// running is a copy of item-service.
type running struct {
	ip   string
	port int
	end  func()
}

// instanceFor starts a copy of item-service as a process of its own. It says its address
// whatever it is asked.
func instanceFor(t *testing.T, ip string) running {
	t.Helper()
	p, addr := child(t, asInstance, net.JoinHostPort(ip, "0"))
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return running{host, n, func() {
		if err := p.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = p.Wait() // that it was killed is no news
	}}
}

// asInstance is the variable that makes this program a copy of item-service.
const asInstance = "E2E_INSTANCE"

func beInstance(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	endWithParent()
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, l.Addr()) }))
}
