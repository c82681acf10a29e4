package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"covey/scripts/measure"
)

const (
	singleTime = 30 * time.Second      // for one update to be everywhere
	restTime   = 20 * time.Millisecond // between updates, on average
	warmUps    = 1                     // rounds over all agents that are not counted
)

// singles changes one instance on one agent after another and prints how long it took
// until all agents answered with the change.
func (c *cluster) singles(updates int) error {
	if err := c.rest(); err != nil {
		return err
	}
	o, stop, err := c.observe(measure.PatientPause, true)
	if err != nil {
		return err
	}
	defer stop()
	writers := make([]*measure.Client, len(c.agents))
	queries := make([][]byte, len(c.agents))
	for i, a := range c.agents {
		if writers[i], err = measure.Dial(a.HTTPAddr()); err != nil {
			return err
		}
		defer writers[i].Close()
		queries[i] = measure.Question(singleName(i) + ".service.local.")
	}
	var acks, every, each, late measure.Latencies
	var idle work
	for n := range warmUps*len(c.agents) + updates {
		if n == warmUps*len(c.agents) {
			if idle, err = c.work(); err != nil {
				return err
			}
		}
		i := n % len(c.agents)
		address := measure.Numbered(n + 1)
		m := measure.NewMark(queries[i], address, len(c.agents))
		body := instanceBody(singleName(i), singleName(i), address, "")
		sent := time.Now()
		if err := writers[i].Register(body); err != nil {
			return err
		}
		m.Since = time.Now() // asking earlier would only delay the acknowledgement
		o.Expect(m)
		if err := o.Await(m, singleTime); err != nil {
			return fmt.Errorf("an update on %s: %w", c.agents[i].Node, err)
		}
		if n >= warmUps*len(c.agents) {
			acks = append(acks, m.Since.Sub(sent))
			every = append(every, m.Everywhere().Sub(sent))
			for _, at := range m.Seen {
				each = append(each, at.Sub(sent))
			}
			late = append(late, m.Late...)
		}
		time.Sleep(rand.N(2 * restTime))
	}
	row(fmt.Sprintf("%d agents, %d updates of one instance: request sent to DNS answer of all agents", len(c.agents), updates), "%v", every)
	row("the same, each agent by itself", "%v", each)
	row("of that, until the request was acknowledged (durable, one fsync)", "%v", acks)
	row("the observer saw each at most so late", "%v", late)
	done, err := c.work()
	if err != nil {
		return err
	}
	done.printSince(idle, updates, len(c.agents))
	return nil
}

func singleName(writer int) string { return fmt.Sprintf("single-%d", writer) }

// instanceBody is a registration of an instance at an address; an empty tag is none.
func instanceBody(id, service string, address [4]byte, tag string) []byte {
	tags := []string{"v1"}
	if tag != "" {
		tags = append(tags, tag)
	}
	text, err := json.Marshal(map[string]any{
		"ID": id, "Name": service, "Port": 8080, "Tags": tags,
		"Address": fmt.Sprintf("%d.%d.%d.%d", address[0], address[1], address[2], address[3]),
		"Check":   map[string]any{"TTL": "30m", "Status": "passing"},
	})
	if err != nil {
		panic(err) // of strings and numbers: cannot be
	}
	return text
}
