package health

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"covey/catalog"
)

// agentProbe asks an instance by the agent-check protocol of HAProxy's configuration
// manual: it connects, sends what it is told to, and reads a line. A line changes what it
// speaks of; what it does not stays as earlier ones had it, beginning with up, ready and the
// registered weight.
//
// What an instance says of itself is no measurement, so it holds at once, whatever the
// thresholds. That it cannot be asked is, and counts by them.
type agentProbe struct {
	address string // host:port
	send    string // when it has connected, as it is
	timeout time.Duration
	dialer  *dialer
	word    agentWord // only runs touch it, of which there is one at a time
}

// agentWord is what an instance said of itself.
type agentWord struct {
	health string // up, down, stopped or fail
	admin  string // ready, drain or maint
	weight string // as it was written; "" for the registered one
	load   *catalog.Reading
	limit  string // of connections, which is for proxies
}

// maxAgentLine is how long a line may be.
const maxAgentLine = 1 << 10

func (p *agentProbe) ask(ctx context.Context) verdict {
	what := "Agent check " + p.address + ": "
	line, err := p.read(ctx)
	if err != nil {
		v := failure(what, err, p.timeout)
		v.wish = p.word.wish() // who said that it drains, and is gone then, did as it said
		return v
	}
	next := p.word
	reason, err := next.read(line)
	if err != nil {
		return verdict{status: catalog.Critical, output: clean(what + err.Error()), wish: p.word.wish()}
	}
	p.word = next
	output := what + next.String()
	if reason != "" {
		output += " " + reason
	}
	return verdict{status: next.status(), output: clean(output), decided: true, wish: next.wish(), answered: true, load: next.load}
}

// read sends what the agent is to be sent and returns the line that it says. An end of the
// connection ends it as well, since many agents are scripts that print no newline.
func (p *agentProbe) read(ctx context.Context) (string, error) {
	conn, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer endWith(ctx, conn)()
	// An agent that has no question to wait for may say its line and close before it is
	// sent anything; what it said counts.
	if p.send != "" {
		_, _ = io.WriteString(conn, p.send)
	}
	line := make([]byte, 0, maxAgentLine)
	for {
		n, err := conn.Read(line[len(line):cap(line)])
		line = line[:len(line)+n]
		if end := bytes.IndexAny(line, "\r\n"); end >= 0 {
			return string(line[:end]), nil
		}
		switch {
		case len(line) == cap(line):
			return "", fmt.Errorf("it sends a line of more than %d bytes", maxAgentLine-1)
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case errors.Is(err, io.EOF):
			return "", errors.New("it closes the connection without a word")
		case err != nil:
			return "", err
		}
	}
}

// read takes the words of a line, of which the last of each category wins, and returns what
// people are to know besides. A line of which nothing is understood is an error.
func (w *agentWord) read(line string) (reason string, err error) {
	var strange []string
	known := 0
	for rest := line; ; {
		rest = strings.TrimLeft(rest, " \t,")
		if strings.HasPrefix(rest, "#") {
			reason = rest
			break
		}
		if rest == "" {
			break
		}
		word := rest
		if end := strings.IndexAny(rest, " \t,"); end >= 0 {
			word = rest[:end]
		}
		rest = rest[len(word):]
		if w.take(strings.ToLower(word)) {
			known++
		} else {
			strange = append(strange, word)
		}
	}
	if len(strange) == 0 {
		return reason, nil
	}
	if known == 0 {
		return "", fmt.Errorf("it says %.64q, of which nothing is a word of the agent-check protocol", line)
	}
	return strings.TrimSpace(fmt.Sprintf("%s (not understood: %.64q)", reason, strings.Join(strange, " "))), nil
}

// take takes a word in lower case, and returns false if it is none.
func (w *agentWord) take(word string) bool {
	switch word {
	case "up", "down", "stopped", "fail":
		w.health = word
		return true
	case "ready", "drain", "maint":
		w.admin = word
		return true
	}
	if number, ok := strings.CutPrefix(word, "maxconn:"); ok {
		_, err := strconv.ParseUint(number, 10, 32)
		if err == nil {
			w.limit = word
		}
		return err == nil
	}
	number, absolute := strings.CutPrefix(word, "weight:")
	number, percent := strings.CutSuffix(number, "%")
	n, err := strconv.ParseUint(number, 10, 32)
	if !absolute && !percent || err != nil {
		return false
	}
	r := catalog.Reading{Weight: float64(n)}
	if percent {
		r = catalog.Reading{Share: float64(n) / 100}
	}
	if r.Check() != nil {
		return false
	}
	if w.weight, w.load = word, &r; n == 0 {
		w.load = nil
	}
	return true
}

// none reports whether it asks for a weight of 0, which HAProxy calls a drain.
func (w *agentWord) none() bool { return w.weight != "" && w.load == nil }

// status is critical for all that is to be in no answer: who is down, and who drains.
func (w *agentWord) status() catalog.Status {
	if cmp.Or(w.health, "up") == "up" && cmp.Or(w.admin, "ready") == "ready" && !w.none() {
		return catalog.Passing
	}
	return catalog.Critical
}

// wish reports whether it wants to be in no answer, and does not just find itself unfit.
func (w *agentWord) wish() bool {
	return w.admin == "drain" || w.admin == "maint" || w.health == "stopped" || w.none()
}

func (w *agentWord) String() string {
	said := cmp.Or(w.health, "up") + " " + cmp.Or(w.admin, "ready")
	for _, word := range []string{w.weight, w.limit} {
		if word != "" {
			said += " " + word
		}
	}
	return said
}
