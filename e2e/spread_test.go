package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"covey/e2e/rig"
)

// spreadRequests is how many requests a proxy must spread by the weights. With as many as
// figures are taken from, a change of weights must be followed within soonFollowed, too.
var spreadRequests = flag.Int("spread.requests", 2000, "requests through each proxy, from 50000 on with a bound on the time to follow other weights")

const (
	spreadFigures = 50_000
	soonFollowed  = 2 * time.Second
	spreadWithin  = 0.03 // of the share that the weight gives
)

// crew is item-service in copies of unequal weight on this host, which answer with their
// number. Their weights are written at the scale that HAProxy needs.
type crew struct {
	agent *rig.Agent
	ports []int
}

var (
	crewWeights  = []int{1, 2, 3, 5, 9}
	otherWeights = []int{9, 5, 3, 2, 1}
)

func newCrew(t *testing.T) *crew {
	t.Helper()
	c := &crew{agent: startAgent(t, "agent-1", "--insecure-gossip")}
	for i := range crewWeights {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) }))
		t.Cleanup(server.Close)
		c.ports = append(c.ports, server.Listener.Addr().(*net.TCPAddr).Port)
	}
	c.weigh(t, crewWeights)
	return c
}

// weigh registers all of them with these weights.
func (c *crew) weigh(t *testing.T, weights []int) {
	t.Helper()
	for i, w := range weights {
		put(t, c.agent, register, service{
			"ID": fmt.Sprintf("item-%d", i), "Name": "item-service", "Address": "127.0.0.1", "Port": c.ports[i],
			"Weights": map[string]int{"Passing": w, "Warning": 1}, "LB": map[string]int{"SRVWeightScale": 256},
		})
	}
}

// clients ask a proxy, several at once.
const clients = 8

// ask sends n requests and counts who answered them. If afresh, each is on a connection of
// its own, and it is an error if they came through several workers of a proxy: one that is
// reloaded goes on for a moment with the former configuration, too.
func (c *crew) ask(url string, n int, afresh bool) ([]int, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableKeepAlives: afresh}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var failed error
	counts, workers := make([]int, len(c.ports)), map[string]bool{}
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for range next {
				who, worker, err := c.one(&client, url)
				mu.Lock()
				if workers[worker] = true; err != nil {
					failed = err
				} else {
					counts[who]++
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	if failed == nil && afresh && len(workers) > 1 {
		failed = fmt.Errorf("workers %v take requests", workers)
	}
	return counts, failed
}

func (c *crew) one(client *http.Client, url string) (who int, worker string, err error) {
	res, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	worker = res.Header.Get("X-Worker")
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, worker, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, worker, codeError(res.StatusCode)
	}
	if _, err := fmt.Sscan(string(text), &who); err != nil || who < 0 || who >= len(c.ports) {
		return 0, worker, fmt.Errorf("answered with %q, which is none of the copies", text)
	}
	return who, worker, nil
}

// follow returns how far off the weights the counts are at most, of a share, and an error
// if that is too far. spare requests more or less are none: a round need not be over.
func follow(counts, weights []int, spare float64) (off float64, err error) {
	total, sum := 0, 0
	for i := range counts {
		total += counts[i]
		sum += weights[i]
	}
	for i := range counts {
		want := float64(total) * float64(weights[i]) / float64(sum)
		d := math.Abs(float64(counts[i]) - want)
		off = max(off, d/want)
		if d > spreadWithin*want+spare {
			err = fmt.Errorf("of %d requests the copies got %v, which is not by their weights %v", total, counts, weights)
		}
	}
	return off, err
}

// spreads fails the test unless the proxy at url spreads requests by the weights, and comes
// to do so after they changed.
func (c *crew) spreads(t *testing.T, url string) {
	t.Helper()
	round := 0
	for _, w := range crewWeights {
		round += w
	}
	settles := func(weights []int) time.Duration {
		t.Helper()
		return eventually(t, soon, func() error {
			counts, err := c.ask(url, 10*round, true)
			if err == nil {
				_, err = follow(counts, weights, 2)
			}
			return err
		})
	}
	holds := func(weights []int) {
		t.Helper()
		counts, err := c.ask(url, *spreadRequests, false)
		if err != nil {
			t.Fatal(err)
		}
		off, err := follow(counts, weights, 0)
		if err != nil {
			t.Error(err)
		}
		t.Logf("%d requests to copies of weights %v: %v, at most %.2f %% off", *spreadRequests, weights, counts, 100*off)
	}
	settles(crewWeights)
	holds(crewWeights)
	c.weigh(t, otherWeights)
	took := settles(otherWeights)
	t.Logf("other weights were followed after %v", took.Round(time.Millisecond))
	if took > soonFollowed && *spreadRequests >= spreadFigures {
		t.Errorf("other weights were followed after %v, want %v at most", took, soonFollowed)
	}
	holds(otherWeights)
}

// configuration is a block of docs/balancing.md, as users copy it, with another address for
// the agent's DNS.
func configuration(t *testing.T, language string, a *rig.Agent) string {
	t.Helper()
	text, err := os.ReadFile("../docs/balancing.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			return strings.ReplaceAll(m[2], "127.0.0.1:8600", a.DNSAddr())
		}
	}
	t.Fatalf("docs/balancing.md has no %s block", language)
	return ""
}

func TestHAProxySpreadsByTheWeights(t *testing.T) {
	begin(t)
	haproxy := need(t, "haproxy", "haproxy")
	c := newCrew(t)
	listen := net.JoinHostPort(place(t).IP, "8080")
	conf := write(t, t.TempDir(), "haproxy.cfg", `
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend front
  bind `+listen+`
  default_backend item-service
`+configuration(t, "haproxy", c.agent))
	serve(t, haproxy, "-db", "-f", conf)
	c.spreads(t, "http://"+listen)
}

// nginx looks SRV records up since 1.27.3. The variable names one that is not on the path.
func TestNginxSpreadsByTheWeights(t *testing.T) {
	begin(t)
	for name, configure := range map[string]func(*testing.T, *nginx, *rig.Agent){
		"SRV":             withSRV,
		"consul-template": withConsulTemplate,
		"own":             withOwnLoop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := os.Getenv("COVEY_TEST_NGINX")
			if program == "" {
				program = need(t, "nginx", "nginx-light")
			}
			if name == "SRV" {
				needSRV(t, program)
			}
			c := newCrew(t)
			n := startNginx(t, program)
			configure(t, n, c.agent)
			c.spreads(t, "http://"+n.addr)
		})
	}
}

// needSRV skips the test unless this nginx looks up SRV records.
func needSRV(t *testing.T, program string) {
	t.Helper()
	out, err := exec.Command(program, "-v").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(regexp.MustCompile(`[0-9.]+`).FindString(string(out)), "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(errors.Join(err, fmt.Errorf("%s says %s", program, out)))
	}
	if major*1_000_000+minor*1000+patch < 1_027_003 {
		t.Skipf("nginx looks up SRV records since 1.27.3, this is %s; COVEY_TEST_NGINX may name another", strings.TrimSpace(string(out)))
	}
}

// withSRV has nginx look the service up by itself.
func withSRV(t *testing.T, n *nginx, a *rig.Agent) {
	n.write(t, "upstream.conf", configuration(t, "nginx", a))
	if err := n.reload(); err != nil {
		t.Fatal(err)
	}
}
