package apiclient

import "testing"

func TestAddressesOfAnAgent(t *testing.T) {
	for _, c := range []struct{ text, url, socket string }{
		{"127.0.0.1:8500", "http://127.0.0.1:8500/v1", ""},
		{"127.0.0.1", "http://127.0.0.1:8500/v1", ""},
		{"agent.example", "http://agent.example:8500/v1", ""},
		{"[::1]:80", "http://[::1]:80/v1", ""},
		{"[::1]", "http://[::1]:8500/v1", ""},
		{"::1", "http://[::1]:8500/v1", ""},
		{"http://10.0.0.1:80", "http://10.0.0.1:80/v1", ""},
		{"http://10.0.0.1/", "http://10.0.0.1:8500/v1", ""},
		{"https://agent.example:8501", "https://agent.example:8501/v1", ""},
		{"unix:///run/covey.sock", "http://localhost/v1", "/run/covey.sock"},
	} {
		a, err := New(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if a.URL("/v1") != c.url || a.Socket() != c.socket || a.Addr() != c.text {
			t.Errorf("%s is %s by %q, want %s by %q", c.text, a.URL("/v1"), a.Socket(), c.url, c.socket)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, text := range []string{
		"", ":8500", "127.0.0.1:", "a b:1", "ftp://x", "http://", "http://x/v1", "http://x?dc=1", "http://me@x",
		"unix://", "http://x:y", "/run/covey.sock",
	} {
		if a, err := New(text); err == nil {
			t.Errorf("%q is taken for %s", text, a.URL(""))
		}
	}
}
