package lb

// Lookup is what DNS answered to one question, and why. The HTTP API serves it and
// the command prints it; its JSON keys are the field names.
type Lookup struct {
	Name    string   // fully qualified, as DNS may be asked it
	Tags    []string `json:",omitempty"` // asked for beyond what Name says: DNS knows names with one
	Type    string   // "SRV", "A", "PTR", ...
	Rcode   string   // "NOERROR", "NXDOMAIN", ...
	TTL     uint32   // seconds, of the answers
	Stale   bool     `json:",omitempty"` // this host is cut off, and answers who it last knew
	Policy  string   `json:",omitempty"` // how the service is balanced
	Panic   bool     `json:",omitempty"` // too few are healthy, and all are answered
	Answers []LookupAnswer
	LeftOut []LookupOmission
}

// LookupAnswer is one record of the answer section, in the order answered. Fields
// that its type does not have, or that no instance stands behind, are zero.
type LookupAnswer struct {
	ID       string // of the instance
	Node     string
	Target   string // of SRV and CNAME
	Address  string
	Port     uint16
	Weight   uint16 // as in an SRV record, of all instances that this record stands for
	Priority uint16
	Status   string // of the instance, or of the node if a node was asked for
	Tags     []string
	Data     string `json:",omitempty"` // what the record says, for types other than SRV, A, AAAA and CNAME

	Factors *Factors `json:",omitempty"` // what the weight was made of; nil if no instance stands behind the record
	Load    *Load    `json:",omitempty"` // that the instance last reported; nil if it did not
}

// Load is what an instance reports of itself, as it was told: smoothed and rounded.
type Load struct {
	Rate        float64 // requests a second
	Utilisation float64 // 1 when no more can be done
	Queue       float64 // requests in hand
	Share       float64 // of its registered weight that it asks for; 0 if it does not say
}

// LookupOmission is an instance that the answer section has no record of its own for.
type LookupOmission struct {
	ID      string
	Node    string
	Address string
	Port    uint16
	Status  string
	Reason  string
}
