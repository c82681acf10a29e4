package apiclient

import (
	"context"
	"net/url"
)

// Lookup is what the agent's DNS answers to one question, and why.
type Lookup struct {
	Name    string   // the full name that was looked up
	Tags    []string `json:",omitempty"` // that were asked for beyond the name
	Type    string
	Rcode   string
	TTL     uint32 // seconds
	Stale   bool   `json:",omitempty"` // the agent is cut off, and answers who it last knew
	Policy  string `json:",omitempty"` // how the service is balanced
	Panic   bool   `json:",omitempty"` // too few are healthy, and all are answered
	Answers []Answer
	LeftOut []Omission
}

// Answer is one record that is answered, in the order of the answer.
type Answer struct {
	ID       string
	Node     string
	Target   string // of the SRV record
	Address  string
	Port     uint16
	Weight   uint16
	Priority uint16
	Status   string
	Tags     []string
	Data     string `json:",omitempty"` // what the record says, for types other than SRV, A, AAAA and CNAME

	Factors *Factors `json:",omitempty"` // what the weight was made of
	Load    *Load    `json:",omitempty"` // that it last reported
}

// Load is what an instance reports of itself.
type Load struct {
	Rate        float64 // requests a second
	Utilisation float64 // 1 when no more can be done
	Queue       float64 // requests in hand
	Share       float64 // of its registered weight that it asks for; 0 if it does not say
}

// Factors is the product that a weight is.
type Factors struct {
	Registered float64
	SlowStart  float64
	Load       float64
	Place      float64
	Cut        float64 // by the maximum share
}

// Omission is an instance that is not answered.
type Omission struct {
	ID      string
	Node    string
	Address string
	Port    uint16
	Status  string
	Reason  string
}

// Lookup asks the agent what it answers for a service; an instance must carry all of
// tags. qtype is SRV, A, AAAA, HTTPS, PTR or TXT.
func (c *Client) Lookup(ctx context.Context, name string, tags []string, qtype string) (Lookup, error) {
	query := url.Values{"type": {qtype}}
	if len(tags) > 0 {
		query["tag"] = tags
	}
	var out Lookup
	err := c.get(ctx, path("covey", "lookup", name), query, &out)
	return out, err
}
