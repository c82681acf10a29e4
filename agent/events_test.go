package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/httpapi"
	"covey/internal/fault"
)

func TestAnEventReachesThoseItIsFor(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	y := startAgent(t, testConfig(t.TempDir()), Options{})
	if _, err := y.Join(t.Context(), []string{x.gossip.Addr()}); err != nil {
		t.Fatal(err)
	}
	tagged := web(80)
	tagged.Tags = []string{"blue"}
	if err := y.RegisterService(t.Context(), tagged, false); err != nil {
		t.Fatal(err)
	}
	none := y.Events()
	if len(none.List) != 0 || none.Index == 0 {
		t.Fatalf("before any event: %+v", none)
	}
	fire := func(e httpapi.Event) {
		t.Helper()
		sent, err := x.Fire(t.Context(), e)
		if err != nil || sent.ID == "" {
			t.Fatalf("%+v: %v", sent, err)
		}
	}
	fire(httpapi.Event{Name: "for-web", ServiceFilter: "^web$", TagFilter: "^bl"})
	fire(httpapi.Event{Name: "for-green", ServiceFilter: "^web$", TagFilter: "^green"})
	fire(httpapi.Event{Name: "for-nobody", NodeFilter: "^none$"})
	fire(httpapi.Event{Name: "for-all", Payload: []byte("v2")})

	// Gossip keeps no order between events of one moment.
	received := func(x *testAgent, want ...string) httpapi.Events {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			got := x.Events()
			names := []string{}
			for _, e := range got.List {
				names = append(names, e.Name)
			}
			if slices.Sort(names); slices.Equal(names, want) {
				return got
			}
			select {
			case <-got.Changed:
			case <-deadline:
				t.Fatalf("received %v, want %v", names, want)
			}
		}
	}
	received(x, "for-all")
	got := received(y, "for-all", "for-web")
	last := got.List[len(got.List)-1]
	if last.LTime == 0 || got.Index != httpapi.EventIndex(last.ID) || got.Index <= none.Index {
		t.Errorf("received %+v at index %d after %d", last, got.Index, none.Index)
	}
	for _, e := range got.List {
		if e.Name == "for-all" && string(e.Payload) != "v2" {
			t.Errorf("received %+v", e)
		}
	}
	if _, err := x.Fire(t.Context(), httpapi.Event{Name: "big", Payload: make([]byte, 600)}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an event too large: %v", err)
	}
}

func TestAnEventsIDIsAUUIDWhoseHalvesAreItsTime(t *testing.T) {
	l := newEvents(time.Now())
	last := uint64(0)
	for range 1000 {
		id := l.newID(time.Now())
		if _, err := catalog.ParseNodeID(id); err != nil || id[14] != '4' || !strings.Contains("89ab", id[19:20]) {
			t.Fatalf("%s is no UUID of version 4: %v", id, err)
		}
		i := httpapi.EventIndex(id)
		if i <= last || i >= 1<<63 {
			t.Fatalf("%s has index %d after %d", id, i, last)
		}
		last = i
	}
	if d := time.Since(time.UnixMicro(int64(last))); d < -time.Minute || d > time.Minute {
		t.Errorf("the index is %v away from now", d)
	}
}

func TestOnlyTheLastEventsAreKept(t *testing.T) {
	l := newEvents(time.Now())
	for i := range maxEvents + 3 {
		l.add(httpapi.Event{ID: l.newID(time.Now()), Name: fmt.Sprint(i)})
	}
	if len(l.list) != maxEvents || l.list[0].Name != "3" || l.list[maxEvents-1].Name != fmt.Sprint(maxEvents+2) {
		t.Errorf("%d are kept, from %s to %s", len(l.list), l.list[0].Name, l.list[len(l.list)-1].Name)
	}
}

// FuzzEvent: what arrives is read or refused, and what is read travels on unchanged.
func FuzzEvent(f *testing.F) {
	id := catalog.NewNodeID().String()
	f.Add(appendEvent(nil, &httpapi.Event{ID: id, Name: "deploy", Payload: []byte("v2"), NodeFilter: "^web", ServiceFilter: "a", TagFilter: "b"}))
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := readEvent(b)
		if err != nil {
			return
		}
		again, err := readEvent(appendEvent(nil, &e))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%x is read as %+v, and that as %+v, %v", b, e, again, err)
		}
	})
}

func TestTheLogIsCopiedFromEachFollowersLevelOn(t *testing.T) {
	var log bytes.Buffer
	tap := newLogTap(slog.NewTextHandler(&log, nil))
	l := slog.New(tap).With("part", "gossip")
	ctx := t.Context()
	if l.Enabled(ctx, slog.LevelDebug) {
		t.Error("details are rendered though nobody wants them")
	}
	text, stop := tap.follow(slog.LevelDebug, asText)
	asJSONLines, stopJSON := tap.follow(slog.LevelWarn, asJSON)
	l.Debug("a detail", "n", 1)
	l.Warn("a warning", "n", 2)
	if line := string(<-text); !strings.Contains(line, `level=DEBUG msg="a detail" part=gossip n=1`) {
		t.Errorf("text: %s", line)
	}
	if line := string(<-text); !strings.Contains(line, `msg="a warning"`) {
		t.Errorf("text: %s", line)
	}
	var record map[string]any
	if err := json.Unmarshal(<-asJSONLines, &record); err != nil || record["msg"] != "a warning" || record["part"] != "gossip" {
		t.Errorf("JSON: %v, %v", record, err)
	}
	for range 2 * maxUntaken {
		l.Warn("nobody reads this")
	}
	stop()
	stopJSON()
	if l.Enabled(ctx, slog.LevelDebug) {
		t.Error("details are rendered though nobody wants them any more")
	}
	if strings.Contains(log.String(), "a detail") || !strings.Contains(log.String(), "a warning") {
		t.Errorf("the log itself is %.200s", log.String())
	}
}

func TestTheHostIsDescribed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what there is beside the name is read from Linux's /proc")
	}
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	h := x.Host()
	if len(h.Errors) != 0 || h.Memory.Total == 0 || h.Memory.Used > h.Memory.Total || len(h.CPU) == 0 ||
		h.Host.KernelVersion == "" || h.Host.BootTime == 0 || h.Disk.Total == 0 {
		t.Errorf("%+v", h)
	}
}
