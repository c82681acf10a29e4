//go:build unix

package health

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
)

func TestAContainerIsAsWellAsItsRuntimeSays(t *testing.T) {
	for state, want := range map[string]struct {
		status catalog.Status
		output string
	}{
		`{"Status":"running","Running":true}`:                                {catalog.Passing, "running"},
		`{"Status":"running","Running":true,"Health":null}`:                  {catalog.Passing, "running"},
		`{"Status":"running","Running":true,"Health":{"Status":"none"}}`:     {catalog.Passing, "running"},
		`{"Status":"running","Running":true,"Health":{"Status":""}}`:         {catalog.Passing, "running"},
		`{"Status":"running","Running":true,"Health":{"Status":"starting"}}`: {catalog.Critical, "starting"},
		`{"Status":"paused","Running":true,"Paused":true}`:                   {catalog.Critical, "paused"},
		`{"Status":"restarting","Running":true,"Restarting":true}`:           {catalog.Critical, "restarting"},
		`{"Status":"exited","ExitCode":137,"Health":{"Status":"healthy"}}`:   {catalog.Critical, "exited with 137"},
		`{"Status":"created"}`: {catalog.Critical, "created"},
		`{"Status":"running","Running":true,"Health":{"Status":"healthy","Log":[{"Output":"old"},{"Output":"200 OK\n"}]}}`: {catalog.Passing, "healthy. Output: 200 OK"},
		`{"Status":"running","Running":true,"Health":{"Status":"unhealthy","Log":[{"Output":"refused"}]}}`:                 {catalog.Critical, "unhealthy. Output: refused"},
		`null`: {catalog.Critical, "the container runtime does not say how it is"},
	} {
		d := &runtimeTwin{inspect: says(`{"Id":"c0ffee","State":` + state + `}`)}
		v := (&maker{docker: d.serve(t)}).probe(definition.Check{DockerContainerID: "web"}).ask(t.Context())
		wantVerdict(t, v, want.status, "Container web: "+want.output)
	}
}

// What is only looked at needs no leave to run programs.
func TestAContainerWhoseHealthCannotBeHad(t *testing.T) {
	ask := func(host, container string) verdict {
		return (&maker{docker: host}).probe(definition.Check{DockerContainerID: container}).ask(t.Context())
	}
	d := &runtimeTwin{inspect: says("no JSON")}
	host := d.serve(t)
	wantVerdict(t, ask(host, "web"), catalog.Critical, "Container web: the container runtime's answer cannot be read: invalid character 'o' in literal null (expecting 'u')")
	wantVerdict(t, ask(host, "db"), catalog.Critical, "Container db: the container runtime refuses (404 Not Found): No such container: db")
	none := filepath.Join(t.TempDir(), "none")
	wantVerdict(t, ask("unix://"+none, "web"), catalog.Critical, "Container web: no container runtime listens on "+none)

	d = &runtimeTwin{inspect: func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, `{"State":`, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	}}
	if v := ask(d.serve(t), "web"); v.status != catalog.Critical || len(v.output) > catalog.MaxOutput {
		t.Errorf("an answer without end: %+v", v)
	}
}
