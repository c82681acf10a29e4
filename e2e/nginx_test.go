package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"

	"covey/e2e/rig"
)

// nginxConfig proxies to what is in upstream.conf. DIR is where everything of it is.
const nginxConfig = `
worker_processes 1;
daemon off;
pid DIR/nginx.pid;
error_log DIR/error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  include DIR/upstream.conf;
  server {
    listen ADDRESS;
    add_header X-Worker $pid always;
    location / {
      proxy_pass http://item-service;
      proxy_connect_timeout 1s;
    }
  }
}
`

// nginx is one that runs with a configuration of its own.
type nginx struct {
	program, dir, addr string
}

func startNginx(t *testing.T, program string) *nginx {
	t.Helper()
	n := &nginx{program: program, dir: t.TempDir()}
	n.addr = net.JoinHostPort(place(t).IP, "8088")
	text := strings.NewReplacer("DIR", n.dir, "ADDRESS", n.addr).Replace(nginxConfig)
	if os.Getuid() == 0 {
		text = "user root;\n" + text // for the directories above
	}
	n.write(t, "nginx.conf", text)
	n.write(t, "upstream.conf", "upstream item-service { server 127.0.0.1:1 down; }\n")
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(n.dir, "error.log")); t.Failed() && err == nil {
			upstream, _ := os.ReadFile(filepath.Join(n.dir, "upstream.conf"))
			t.Logf("nginx logged\n%s\nand its upstreams are\n%s", log, upstream)
		}
	})
	serve(t, n.program, "-p", n.dir, "-c", "nginx.conf")
	eventually(t, soon, func() error { _, err := n.ask(); return ignoreCode(err) })
	return n
}

func (n *nginx) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (n *nginx) reload() error {
	if out, err := exec.Command(n.program, "-p", n.dir, "-c", "nginx.conf", "-s", "reload").CombinedOutput(); err != nil {
		return fmt.Errorf("reloading nginx: %w: %s", err, out)
	}
	return nil
}

// codeError is an answer other than 200.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("answered with %d", int(e)) }

func ignoreCode(err error) error {
	if _, ok := err.(codeError); ok {
		return nil
	}
	return err
}

// ask sends one request on a connection of its own and returns which instance answered.
func (n *nginx) ask() (string, error) {
	who, _, err := n.askWorker()
	return who, err
}

// askWorker is ask that says by which of nginx's workers too.
func (n *nginx) askWorker() (who, worker string, err error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + n.addr + "/")
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = codeError(res.StatusCode)
	}
	return strings.TrimSpace(string(body)), res.Header.Get("X-Worker"), err
}

// askTwice is a client that retries once.
func (n *nginx) askTwice() (string, error) {
	who, err := n.ask()
	if err != nil {
		who, err = n.ask()
	}
	return who, err
}

// TestNginxFollowsTheRegistry is what Covey is for: a program that speaks to Consul
// registers item-service with an HTTP check, nginx is configured from the agent, and when
// an instance is killed, traffic moves.
func TestNginxFollowsTheRegistry(t *testing.T) {
	for name, configure := range map[string]func(*testing.T, *nginx, *rig.Agent){
		"consul-template": withConsulTemplate,
		"own":             withOwnLoop,
	} {
		t.Run(name, func(t *testing.T) {
			begin(t)
			agents := startCluster(t, 2)
			n := startNginx(t, need(t, "nginx", "nginx-light"))
			configure(t, n, agents[0])
			instances := map[string]running{}
			for i, a := range agents {
				r := instanceFor(t, a.IP)
				instances[net.JoinHostPort(r.ip, fmt.Sprint(r.port))] = r
				must(t, consulClient(t, a).Agent().ServiceRegister(&consul.AgentServiceRegistration{
					ID: fmt.Sprintf("item-%d", i), Name: "item-service", Address: r.ip, Port: r.port,
					Check: &consul.AgentServiceCheck{HTTP: fmt.Sprintf("http://%s:%d/health", r.ip, r.port), Interval: "200ms", Timeout: "1s"},
				}))
			}
			eventually(t, healing, func() error { return n.answeredBy(2) })

			dead, err := n.askTwice()
			must(t, err)
			instances[dead].end()
			asked := 0
			eventually(t, healing, func() error { // all the while until nginx no longer knows the dead one
				who, err := n.askTwice()
				if err != nil || who == dead {
					t.Fatalf("a client that retries once was answered by %q: %v", who, err)
				}
				asked++
				return n.upstreams(1)
			})
			t.Logf("%d requests were answered while nginx was told", asked)
			eventually(t, healing, func() error { return n.answeredBy(1) })
		})
	}
}

// answeredBy returns nil if so many instances answer, through one worker: for a tenth of a
// second after a reload those with the former configuration take connections too.
func (n *nginx) answeredBy(want int) error {
	seen, workers := map[string]bool{}, map[string]bool{}
	for range 50 {
		who, worker, err := n.askWorker()
		if err != nil {
			return err
		}
		seen[who], workers[worker] = true, true
	}
	if len(seen) != want || len(workers) != 1 {
		return fmt.Errorf("answered by %v through %v, want %d through one", seen, workers, want)
	}
	return nil
}

// upstreams returns nil if so many servers are in nginx's configuration.
func (n *nginx) upstreams(want int) error {
	text, err := os.ReadFile(filepath.Join(n.dir, "upstream.conf"))
	if err == nil && strings.Count(string(text), "server ") != want {
		err = fmt.Errorf("want %d servers in\n%s", want, text)
	}
	return err
}

// withConsulTemplate has consul-template, as it is, write the upstreams and reload nginx.
func withConsulTemplate(t *testing.T, n *nginx, a *rig.Agent) {
	program := need(t, "consul-template", "no package: go install github.com/hashicorp/consul-template@latest")
	n.write(t, "upstream.ctmpl", configuration(t, "gotemplate", a))
	serve(t, program, "-consul-addr="+a.HTTPAddr(), "-consul-retry-attempts=0", "-wait=10ms:100ms", "-log-level=warn", "-template",
		fmt.Sprintf("%s:%s:%s -p %s -c nginx.conf -s reload", filepath.Join(n.dir, "upstream.ctmpl"), filepath.Join(n.dir, "upstream.conf"), n.program, n.dir))
}

// withOwnLoop is the same in a few lines, as people write them around Consul's client.
func withOwnLoop(t *testing.T, n *nginx, a *rig.Agent) {
	health := consulClient(t, a).Health()
	ctx := t.Context()
	go func() {
		index := uint64(0)
		for ctx.Err() == nil {
			q := (&consul.QueryOptions{WaitIndex: index}).WithContext(ctx)
			entries, meta, err := health.Service("item-service", "", true, q)
			if err != nil {
				continue
			}
			index = meta.LastIndex
			text := "upstream item-service {\n"
			for _, e := range entries {
				text += fmt.Sprintf("  server %s:%d weight=%d;\n", e.Service.Address, e.Service.Port, e.Service.Weights.Passing)
			}
			if len(entries) == 0 {
				text += "  server 127.0.0.1:1 down;\n"
			}
			file := filepath.Join(n.dir, "upstream.conf")
			if err := os.WriteFile(file+".new", []byte(text+"}\n"), 0o644); err != nil {
				continue
			}
			if os.Rename(file+".new", file) == nil && ctx.Err() == nil {
				_ = n.reload() // at the end nginx may be gone
			}
		}
	}()
}
