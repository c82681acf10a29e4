package apiclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// notes are what a Watcher was told.
type notes struct {
	told   []string
	enough int
	stop   context.CancelFunc
}

func (n *notes) note(text string) error {
	if n.told = append(n.told, text); len(n.told) == n.enough {
		n.stop()
	}
	return nil
}

func (n *notes) Changed(c Change) error { return n.note(c.Type + " " + c.ID) }
func (n *notes) Missed() error          { return n.note("missed") }

func TestWatchGoesOnWhereItWas(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI()+" "+r.Header.Get("Last-Event-ID"))
		switch len(asked) {
		case 1:
			io.WriteString(w, "id: 6\nevent: hello\ndata: {\"Index\":5,\"Resumed\":false}\n\nid: 7\nevent: health\ndata: {\"Type\":\"health\",\"ID\":\"a\"}\n\n"+
				"id: 9\n:\n\nid: 10\nevent: health\ndata: {\"Type\":\"cut sh")
		case 2:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		case 3:
			io.WriteString(w, "id: 9\nevent: hello\ndata: {\"Resumed\":true}\n\nid: 10\nevent: registered\ndata: {\"Type\":\"registered\",\"ID\":\"b\"}\n\n"+
				"id: 12\nevent: lost\ndata: {\"Reason\":\"slow\"}\n\nevent: refused\ndata: {\"Reason\":\"another token\"}\n\n")
		default:
			fmt.Fprint(w, "id: 99\nevent: hello\ndata: {\"Resumed\":false}\n\n")
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	n := &notes{enough: 4, stop: stop}
	err := c.Watch(ctx, []string{"web", "a b"}, n)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if want := []string{"health a", "registered b", "missed", "missed"}; !slices.Equal(n.told, want) {
		t.Errorf("told %q, want %q", n.told, want)
	}
	const target = "/v1/covey/stream?service=web&service=a+b "
	if want := []string{target, target + "9", target + "9", target + "12"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestWatchEndsWhereComingBackIsOfNoUse(t *testing.T) {
	refuses := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Permission denied", http.StatusForbidden) })
	var refused *StatusError
	if err := refuses.Watch(t.Context(), nil, &notes{}); !errors.As(err, &refused) || refused.Code != 403 {
		t.Errorf("refused: %v", err)
	}
	gone, err := New("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var unreachable *UnreachableError
	if err := gone.Watch(t.Context(), nil, &notes{}); !errors.As(err, &unreachable) {
		t.Errorf("never reached: %v", err)
	}
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "event: health\ndata: "+strings.Repeat("x", maxEvent)+"\n\n")
	})
	if err := other.Watch(t.Context(), nil, &notes{}); err == nil || !strings.Contains(err.Error(), "not an agent's") {
		t.Errorf("no agent: %v", err)
	}
	odd := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "id: 1\nevent: health\ndata: []\n\n") })
	if err := odd.Watch(t.Context(), nil, &notes{}); err == nil || !strings.Contains(err.Error(), "event 1") {
		t.Errorf("an odd event: %v", err)
	}
}
