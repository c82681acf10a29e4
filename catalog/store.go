package catalog

import (
	"sync"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// Record is what an owner may state: a *Node, an *Instance, which may be *Packed, or an
// *External.
type Record interface {
	// Key is unique among the records of one owner.
	Key() string
}

// Update is a change to what one owner states. The store keeps the records; they
// must not be modified afterwards.
type Update struct {
	Owner  NodeID
	Reset  bool     // forget all its records first
	Put    []Record // new or replaced
	Remove []string // keys; unknown ones are passed over
}

// Store is the catalogue's writable side. All methods are safe to call at once;
// writers exclude one another, readers never wait.
type Store struct {
	view   atomic.Pointer[View]
	shapes *shapes // of the instances, held by them

	mu     sync.Mutex // guards everything below, and replacing view
	owners map[NodeID]*owner
	claims map[string][]*owner // lower-case node name -> the owners who bear it

	externals map[string]*externals // by lower-case node name
}

// owner is what one owner states.
type owner struct {
	id        NodeID
	liveness  Liveness
	node      *Node
	instances tenants
	externals map[string]*External // by key; nil if there is none
	shown     *tenancy             // as it stands in the view, nil if it does not
}

// NewStore returns an empty store. Its indexes begin above seed, which must be at
// least as great as any index that an earlier run on this host gave out; the clock
// in microseconds serves.
func NewStore(seed uint64) *Store {
	s := &Store{shapes: newShapes(), owners: map[NodeID]*owner{}, claims: map[string][]*owner{}, externals: map[string]*externals{}}
	s.view.Store(&View{
		index:    seed + 1,
		services: iradix.New[*Service](),
		hosts:    iradix.New[*tenancy](),
		names:    newListing(seed + 1),
		nodes:    newListing(seed + 1),
		removed:  nothingVanished(seed + 1),
		gone:     seed + 1,
		changed:  make(chan struct{}),
		log:      &changes{},
	})
	return s
}

// View returns the catalogue as it is now, without waiting.
func (s *Store) View() *View { return s.view.Load() }

// Decode is Decode with the instance packed, as the store keeps it.
func (s *Store) Decode(key string, payload []byte) (Record, error) {
	r, err := Decode(key, payload)
	if i, ok := r.(*Instance); ok {
		return s.Pack(i), err
	}
	return r, err
}

// Pack returns an instance, which must be valid, as the store keeps it.
func (s *Store) Pack(i *Instance) *Packed { return s.shapes.pack(i) }

// Apply carries out the updates in order and publishes one new view.
func (s *Store) Apply(updates ...Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.build()
	for i := range updates {
		b.apply(&updates[i])
	}
	b.publish()
}

// SetLiveness states whether an owner's agent is up. It may come before any record.
func (s *Store) SetLiveness(id NodeID, l Liveness) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.build()
	if o := b.owner(id); o.liveness != l {
		o.liveness = l
		b.touchNode(o)
		b.touchExternals(o)
	}
	b.publish()
}

// Drop forgets an owner: it left, or another agent took its name over.
func (s *Store) Drop(id NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.owners[id]
	if o == nil {
		return
	}
	b := s.build()
	b.setNode(o, nil)
	b.dropExternals(o)
	delete(s.owners, id)
	b.publish()
}

// Liveness returns what SetLiveness last said of the owner.
func (s *Store) Liveness(id NodeID) Liveness {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.owners[id]; o != nil {
		return o.liveness
	}
	return Unknown
}
