package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"covey/agent/config"
	"covey/internal/bubble"
)

// fakeAgent is an agent that waits to be told to leave.
type fakeAgent struct {
	leaving  chan struct{} // closed when Run was told to leave
	gone     chan struct{} // Run returns when it is closed
	failed   chan error    // Run returns what comes
	reloaded int
	refuse   error // what Reload returns
}

func newFakeAgent() *fakeAgent {
	return &fakeAgent{leaving: make(chan struct{}), gone: make(chan struct{}), failed: make(chan error, 1)}
}

func (f *fakeAgent) Run(ctx context.Context) error {
	select {
	case err := <-f.failed:
		return err
	case <-ctx.Done():
		close(f.leaving)
		<-f.gone
		return nil
	}
}

func (f *fakeAgent) Reload(context.Context) error {
	f.reloaded++
	return f.refuse
}

// started runs `covey agent args...` against a seam that keeps what it was called with.
func started(t *testing.T, args ...string) (files []string, overrides keys, code int, stderr string) {
	t.Helper()
	s := newSession()
	s.sys.start = func(_ *system, f []string, o keys) (runningAgent, *slog.Logger, error) {
		files, overrides = f, o
		agent := newFakeAgent()
		agent.failed <- nil
		return agent, slog.New(slog.DiscardHandler), nil
	}
	code = s.run(append([]string{"agent"}, args...)...)
	return files, overrides, code, s.err.String()
}

func TestAgentFlagsAreConfigurationKeys(t *testing.T) {
	for _, c := range []struct {
		args  string
		want  keys
		files []string
	}{
		{"", keys{}, nil},
		{"--node n1 --bind 10.0.0.1 --advertise 10.9.0.1 --gossip-port 7000",
			keys{"node_name": "n1", "bind_addr": "10.0.0.1", "advertise_addr": "10.9.0.1", "ports.serf_lan": 7000}, nil},
		{"--http 127.0.0.2:8500 --dns 127.0.0.2:53",
			keys{"addresses.http": "127.0.0.2:8500", "addresses.dns": "127.0.0.2:53"}, nil},
		{"--agent-check 10.0.0.1:8502", keys{"addresses.agent_check": "10.0.0.1:8502"}, nil},
		{"--http :9000 --dns ::1", keys{"ports.http": 9000, "addresses.dns": "::1"}, nil},
		{"--http unix:///run/covey.sock --dns [::1]:53",
			keys{"addresses.http": "unix:///run/covey.sock", "addresses.dns": "[::1]:53"}, nil},
		{"--join a --join b:1,c --retry-join d", keys{"start_join": []string{"a", "b:1", "c"}, "retry_join": []string{"d"}}, nil},
		{"--data-dir /d --config a.hcl --config b,c", keys{"data_dir": "/d"}, []string{"a.hcl", "b", "c"}},
		{"--domain x --alt-domain y --datacenter z --encrypt k --insecure-gossip --dev",
			keys{"domain": "x", "alt_domain": "y", "datacenter": "z", "encrypt": "k", "insecure_gossip": true, "dev_mode": true}, nil},
		{"--dev=false --log-level warn --log-format json", keys{"dev_mode": false, "log_level": "warn", "log_format": "json"}, nil},
	} {
		files, got, code, stderr := started(t, strings.Fields(c.args)...)
		if code != exitOK || !maps.EqualFunc(got, c.want, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("covey agent %s:\n got %v (exit %d) %s\nwant %v", c.args, got, code, stderr, c.want)
		}
		if !reflect.DeepEqual(files, c.files) {
			t.Errorf("covey agent %s reads %v, want %v", c.args, files, c.files)
		}
	}
}

func TestAgentTakesVariablesThatAreNotEmpty(t *testing.T) {
	t.Setenv("COVEY_NODE", "from-env")
	t.Setenv("COVEY_JOIN", "a,b")
	t.Setenv("COVEY_DEV", "true")
	t.Setenv("COVEY_DOMAIN", "")
	t.Setenv("COVEY_RETRY_JOIN", "")
	t.Setenv("COVEY_GOSSIP_PORT", "")
	t.Setenv("COVEY_INSECURE_GOSSIP", "")
	t.Setenv("COVEY_CONFIG", "x.hcl,y")
	files, got, _, _ := started(t, "--join", "c")
	want := keys{"node_name": "from-env", "start_join": []string{"c"}, "dev_mode": true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"x.hcl", "y"}; !reflect.DeepEqual(files, want) {
		t.Errorf("reads %v, want %v", files, want)
	}
	if _, got, _, _ = started(t, "--node", "n1"); got["node_name"] != "n1" {
		t.Errorf("the variable went before the flag: %v", got)
	}
}

func TestAgentFlagsStandForKeysThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, k := range config.Keys() {
		known[k.Name] = true
	}
	_, got, _, _ := started(t, strings.Fields(`--node n --bind 127.0.0.1 --advertise 10.0.0.1 --gossip-port 1 --http :2 --dns :3 --agent-check :4
		--join a --retry-join b --data-dir d --domain x --alt-domain y --datacenter z --encrypt k --zone a --region r --insecure-gossip --dev
		--log-level info --log-format text`)...)
	got["addresses.http"], got["addresses.dns"], got["addresses.agent_check"] = "", "", "" // what these flags are otherwise
	for key := range got {
		if !known[key] {
			t.Errorf("a flag stands for %s, which is no key", key)
		}
	}
	if flags := len(agentFlags()); len(got) != flags-1+3 { // --config is no key
		t.Errorf("%d flags stand for %d keys", flags, len(got))
	}
}

func TestAgentThatCannotStartSaysWhy(t *testing.T) {
	s := newSession()
	s.sys.start = func(*system, []string, keys) (runningAgent, *slog.Logger, error) {
		return nil, nil, errors.New("127.0.0.1:8500 is taken")
	}
	if code := s.run("agent"); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if got, want := s.err.String(), "covey: cannot start the agent: 127.0.0.1:8500 is taken\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// attended runs attend in a bubble; steps are what happens, one after the other.
func attended(t *testing.T, steps func(agent *fakeAgent, signal func(os.Signal))) (log string, result error) {
	var text strings.Builder
	bubble.Test(t, func(t *testing.T) {
		agent := newFakeAgent()
		signals := make(chan os.Signal)
		ended := make(chan error, 1)
		go func() {
			ended <- attend(t.Context(), agent, signals, slog.New(slog.NewTextHandler(&text, nil)))
		}()
		steps(agent, func(s os.Signal) {
			signals <- s
			bubble.Wait()
		})
		result = <-ended
		select {
		case <-agent.gone:
		default:
			close(agent.gone) // so that the agent's goroutine ends as well
		}
	})
	return text.String(), result
}

// pass lets the virtual time of a bubble go by.
func pass(d time.Duration) { time.Sleep(d) }

func TestOneSignalLeavesGracefully(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		_, err := attended(t, func(agent *fakeAgent, signal func(os.Signal)) {
			signal(s)
			<-agent.leaving
			close(agent.gone)
		})
		if err != nil {
			t.Errorf("%s: %v, want a clean stop", s, err)
		}
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	_, err := attended(t, func(agent *fakeAgent, signal func(os.Signal)) {
		signal(syscall.SIGTERM)
		<-agent.leaving
		pass(sameSignal)
		signal(syscall.SIGINT)
	})
	if !errors.Is(err, errStoppedAtOnce) || exitCode(err) != exitFailure {
		t.Errorf("got %v, want %v", err, errStoppedAtOnce)
	}
}

func TestOneSignalThatComesTwiceLeavesGracefully(t *testing.T) {
	_, err := attended(t, func(agent *fakeAgent, signal func(os.Signal)) {
		signal(syscall.SIGTERM)
		signal(syscall.SIGTERM)
		pass(sameSignal - 1)
		signal(syscall.SIGINT)
		close(agent.gone)
	})
	if err != nil {
		t.Errorf("%v, want a clean stop", err)
	}
}

func TestHangupReloadsAndGoesOn(t *testing.T) {
	reloaded := 0
	log, err := attended(t, func(agent *fakeAgent, signal func(os.Signal)) {
		signal(syscall.SIGHUP)
		agent.refuse = errors.New("covey.hcl: no such key")
		signal(syscall.SIGHUP)
		signal(syscall.SIGTERM)
		close(agent.gone)
		reloaded = agent.reloaded
	})
	if err != nil || reloaded != 2 {
		t.Errorf("reloaded %d times, then %v; want 2 and a clean stop", reloaded, err)
	}
	if !strings.Contains(log, "configuration was reloaded") || !strings.Contains(log, "covey.hcl: no such key") {
		t.Errorf("the log does not tell of both:\n%s", log)
	}
}

func TestAgentThatFailsMeanwhileIsAnError(t *testing.T) {
	_, err := attended(t, func(agent *fakeAgent, _ func(os.Signal)) {
		agent.failed <- errors.New("the disk is full")
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v, want why it stopped", err)
	}
}
