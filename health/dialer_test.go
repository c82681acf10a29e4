package health

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTheDialerRefusesLinkLocalAndMetadataAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80":               "",
		"[::1]:80":                   "",
		"10.1.2.3:80":                "",
		"[fd00:ec2::253]:80":         "",
		"[2001:db8::1]:80":           "",
		"169.254.169.254:80":         "link-local",
		"169.254.0.1:443":            "link-local",
		"[::ffff:169.254.169.254]:1": "link-local",
		"[64:ff9b::a9fe:a9fe]:80":    "link-local",
		"[2002:a9fe:a9fe::1]:80":     "link-local",
		"[fe80::1%eth0]:80":          "link-local",
		"[febf::1]:80":               "link-local",
		"100.100.100.200:80":         "metadata",
		"168.63.129.16:80":           "metadata",
		"192.0.0.192:80":             "metadata",
		"[fd00:ec2::254]:80":         "metadata",
		"[fd20:ce::254]:80":          "metadata",
		"no address":                 "not an ip:port",
	} {
		err := (&dialer{}).check(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestAnAllowedAddressIsExempt(t *testing.T) {
	d := &dialer{allowed: []netip.Prefix{netip.MustParsePrefix("169.254.7.0/24")}}
	if err := d.check("169.254.7.1:80"); err != nil {
		t.Error(err)
	}
	if err := d.check("169.254.169.254:80"); err == nil {
		t.Error("what is not allowed is let through")
	}
}

func TestOnlyTheProcesssOwnLacksSpoilARun(t *testing.T) {
	dial := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", errno)}
	}
	for errno, want := range map[syscall.Errno]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ECONNREFUSED: false, syscall.EADDRNOTAVAIL: false,
	} {
		if v := failure("", dial(errno), 0); (v.spoilt != nil) != want {
			t.Errorf("%v spoils a run: %v", errno, v.spoilt != nil)
		}
	}
}
