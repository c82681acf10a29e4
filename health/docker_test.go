//go:build unix

package health

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// runtimeTwin plays a container runtime on a socket: it carries out every program by
// writing and returning what a test says.
type runtimeTwin struct {
	ran  chan []string
	code int
	out  func(w http.ResponseWriter, r *http.Request)

	inspect http.HandlerFunc
}

func (d *runtimeTwin) serve(t *testing.T) (host string) {
	t.Helper()
	d.ran = make(chan []string, 10)
	dir, err := os.MkdirTemp("", "docker") // the test's own is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /containers/{name}/exec", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Cmd []string }
		json.NewDecoder(r.Body).Decode(&body)
		if name := r.PathValue("name"); name != "web" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":"No such container: %s"}`, name)
			return
		}
		d.ran <- body.Cmd
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"Id":"e1"}`)
	})
	mux.HandleFunc("GET /containers/{name}/json", func(w http.ResponseWriter, r *http.Request) {
		if name := r.PathValue("name"); name != "web" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":"No such container: %s"}`, name)
			return
		}
		d.inspect(w, r)
	})
	if d.out != nil {
		mux.HandleFunc("POST /exec/e1/start", d.out)
	}
	mux.HandleFunc("GET /exec/e1/json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"ID":"e1","Running":false,"ExitCode":%d}`, d.code)
	})
	s := &http.Server{Handler: mux}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "unix://" + path
}

func frame(stream byte, text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text)))) + text
}

func says(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func askContainer(t *testing.T, host string, def definition.Check) verdict {
	t.Helper()
	d := (&maker{dialer: &dialer{}, scripts: true, docker: host}).probe(def)
	ctx, cancel := contextFor(t, def)
	defer cancel()
	return d.ask(ctx)
}

func TestAProgramInAContainerIsJudgedByItsExitCode(t *testing.T) {
	for code, status := range map[int]catalog.Status{0: catalog.Passing, 1: catalog.Warning, 2: catalog.Critical, 127: catalog.Critical} {
		d := &runtimeTwin{code: code, out: says(frame(1, "half ") + frame(2, "full"))}
		host := d.serve(t)
		wantVerdict(t, askContainer(t, host, definition.Check{DockerContainerID: "web", Args: []string{"df", "-h"}}), status, "half full")
		if got := fmt.Sprint(<-d.ran); got != "[df -h]" {
			t.Error(got)
		}
		askContainer(t, host, definition.Check{DockerContainerID: "web", Shell: "/bin/bash", Args: []string{"df | grep x"}})
		if got := fmt.Sprintf("%q", <-d.ran); got != `["/bin/bash" "-c" "df | grep x"]` {
			t.Error(got)
		}
	}
}

func TestAContainerThatCannotBeAsked(t *testing.T) {
	d := &runtimeTwin{out: says(frame(1, "x"))}
	host := d.serve(t)
	wantVerdict(t, askContainer(t, host, definition.Check{DockerContainerID: "db", Args: []string{"true"}}), catalog.Critical,
		"Container db: the container runtime refuses (404 Not Found): No such container: db")
	none := "unix://" + filepath.Join(t.TempDir(), "none")
	wantVerdict(t, askContainer(t, none, definition.Check{DockerContainerID: "web", Args: []string{"true"}}), catalog.Critical,
		"Container web: no container runtime listens on "+strings.TrimPrefix(none, "unix://"))
	wantVerdict(t, askContainer(t, "tcp://10.0.0.1:2375", definition.Check{DockerContainerID: "web", Args: []string{"true"}}), catalog.Critical,
		`Container web: DOCKER_HOST is "tcp://10.0.0.1:2375"; only a socket of this host can be asked, such as unix:///var/run/docker.sock`)

	d = &runtimeTwin{out: says("HTTP, not frames")}
	wantVerdict(t, askContainer(t, d.serve(t), definition.Check{DockerContainerID: "web", Args: []string{"true"}}), catalog.Critical,
		"Container web: the container runtime's answer is no stream of outputs")

	d = &runtimeTwin{out: func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, frame(1, "began"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}}
	v := askContainer(t, d.serve(t), definition.Check{DockerContainerID: "web", Args: []string{"true"}, Timeout: 300 * time.Millisecond})
	wantVerdict(t, v, catalog.Critical, "Container web: no end within 300ms. Output: began")
	if !v.timedOut {
		t.Error("it is not taken for slow")
	}

	d = &runtimeTwin{out: func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, frame(2, strings.Repeat("x", 1<<16)))
		}
	}}
	v = askContainer(t, d.serve(t), definition.Check{DockerContainerID: "web", Args: []string{"true"}, Timeout: 300 * time.Millisecond})
	if v.status != catalog.Critical || len(v.output) > catalog.MaxOutput {
		t.Errorf("%+v", v)
	}
}
