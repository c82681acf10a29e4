package gossip

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
	"covey/internal/fault"
)

// KeyChange is what may be done to the keyrings of all agents. A key is changed while
// they run in three steps, each of which must have reached all before the next: install
// it, use it, remove the old one. At any moment everyone can open what anyone seals.
type KeyChange string

const (
	InstallKey KeyChange = "install" // accept what is sealed with it
	UseKey     KeyChange = "use"     // seal with it
	RemoveKey  KeyChange = "remove"  // accept it no more; not the one in use
)

// Keyring is what the agents that answered hold, with keys in base64.
type Keyring struct {
	Nodes    int               // that were asked: all that are alive
	Answered int               // of those
	Keys     map[string]int    // how many have it
	Primary  map[string]int    // how many seal with it
	Failed   map[string]string // what was wrong, by node
}

// HasKey reports whether a key is in this agent's keyring.
func (g *Gossip) HasKey(key []byte) bool {
	if g.keyring == nil {
		return false
	}
	found := 0
	for _, k := range g.keyring.GetKeys() {
		found |= subtle.ConstantTimeCompare(k, key)
	}
	return found == 1
}

// Keyring asks all agents for their keys. An error says who did not answer; what the
// others said is returned with it.
func (g *Gossip) Keyring() (Keyring, error) {
	if g.keyring == nil {
		return Keyring{}, errNoKeyring
	}
	m := g.serf.KeyManager()
	return g.askAll(func() (*serf.KeyResponse, error) { return m.ListKeysWithOptions(relayed) })
}

// ChangeKey has all agents change their keyrings. An error names those that did not,
// and nothing is undone: to do the same again is harmless.
func (g *Gossip) ChangeKey(change KeyChange, key []byte) (Keyring, error) {
	if g.keyring == nil {
		return Keyring{}, errNoKeyring
	}
	if n := len(key); n != 16 && n != 24 && n != 32 {
		return Keyring{}, fault.New(fault.Invalid, "a gossip key of %d bytes: 16, 24 or 32 are needed; `covey keygen` makes a good one", n)
	}
	m, text := g.serf.KeyManager(), base64.StdEncoding.EncodeToString(key)
	switch {
	case change == InstallKey || g.HasKey(key):
	case change == UseKey:
		return Keyring{}, fault.New(fault.NotFound, "that key is not in this agent's keyring: install it first")
	case change == RemoveKey: // it may be left with one that was not reached the last time
		if k, err := g.Keyring(); err == nil && k.Keys[text] == 0 {
			return Keyring{}, fault.New(fault.NotFound, "that key is in nobody's keyring")
		}
	}
	if change == RemoveKey && subtle.ConstantTimeCompare(g.keyring.GetPrimaryKey(), key) == 1 {
		return Keyring{}, fault.New(fault.Conflict, "that key is the one that this agent seals with: use another first")
	}
	switch change {
	case InstallKey:
		return g.askAll(func() (*serf.KeyResponse, error) { return m.InstallKeyWithOptions(text, relayed) })
	case UseKey:
		return g.askAll(func() (*serf.KeyResponse, error) { return m.UseKeyWithOptions(text, relayed) })
	case RemoveKey:
		return g.askAll(func() (*serf.KeyResponse, error) { return m.RemoveKeyWithOptions(text, relayed) })
	}
	return Keyring{}, fault.New(fault.Invalid, "a keyring is changed by install, use or remove, not %q", change)
}

// relayed has answers come by more ways than one, since a lost packet would be an agent
// of which nothing is known.
var relayed = &serf.KeyRequestOptions{RelayFactor: 2}

var errNoKeyring = fault.New(fault.Conflict, "gossip has no key (--insecure-gossip): start all agents with one first")

// askings is how often all are asked as long as some say nothing: a question travels by
// gossip, which is no promise, and to do the same again is harmless.
const askings = 3

func (g *Gossip) askAll(ask func() (*serf.KeyResponse, error)) (k Keyring, err error) {
	for range askings {
		r, failed := ask()
		if k, err = keyringOf(r, g.living(), failed); err == nil || k.Answered == k.Nodes {
			break
		}
	}
	return k, err
}

// living counts the names that are alive. Membership may have fewer for a moment: those
// that it takes for failed and that contradict (see secondOpinion).
func (g *Gossip) living() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.dir.names {
		if b.state == replica.Alive {
			n++
		}
	}
	return n
}

func keyringOf(r *serf.KeyResponse, living int, err error) (Keyring, error) {
	k := Keyring{Nodes: max(r.NumNodes, living), Answered: r.NumResp, Keys: r.Keys, Primary: r.PrimaryKeys, Failed: map[string]string{}}
	delete(k.Primary, "") // of an answer to a change, which names none
	if r.NumErr > 0 {
		k.Failed = r.Messages
	}
	if err == nil && k.Answered >= k.Nodes {
		return k, nil
	}
	var why []string
	for _, node := range slices.Sorted(maps.Keys(k.Failed)) {
		why = append(why, fmt.Sprintf("%s: %s", node, cmp.Or(k.Failed[node], "it gave no reason")))
	}
	if k.Answered < k.Nodes {
		why = append(why, fmt.Sprintf("%d of %d agents did not answer", k.Nodes-k.Answered, k.Nodes))
	}
	if len(why) == 0 {
		return k, fmt.Errorf("asking all agents about their keys: %w", err)
	}
	return k, fault.New(fault.Unavailable, "%w; do it again before you go on", errors.New(strings.Join(why, "; ")))
}

// saveKeys has the keyring kept when it has changed.
func (g *Gossip) saveKeys() {
	if g.keyring == nil || g.cfg.SaveKeys == nil {
		return
	}
	if keys := g.keyring.GetKeys(); !slices.EqualFunc(keys, g.savedKeys, slices.Equal) {
		if err := g.cfg.SaveKeys(keys); err != nil {
			g.refused.note(unsavedKeys, "cannot keep the gossip keys: after a restart this agent may have the old ones", "error", err)
			return
		}
		g.savedKeys = keys
	}
}
