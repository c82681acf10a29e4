package httpapi

import (
	"container/list"
	"errors"
	"strconv"
	"sync"
)

// bodyCache keeps rendered answers, the most recently used ones, while their index
// stands. When a service changes that thousands wait for, one of them renders the
// answer and the others take it.
type bodyCache struct {
	limit int // of bytes, in keys and bodies

	mu           sync.Mutex // guards everything below
	size         int
	entries      map[string]*list.Element
	order        *list.List // of *rendered, most recently used first
	hits, misses uint64
}

// rendered is one answer, or the promise of it until once is done.
type rendered struct {
	key   string
	index uint64
	size  int // as counted in bodyCache.size; guarded by its mutex

	once sync.Once
	body []byte
	err  error
}

// entryOverhead is about what an entry costs besides its key and body.
const entryOverhead = 300

var errUnrendered = errors.New("rendering the answer failed")

func newBodyCache(limit int) *bodyCache {
	return &bodyCache{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

// get returns the body for key at index, from render if it is not there. The body
// must not be modified.
func (c *bodyCache) get(key string, index uint64, render func() ([]byte, error)) ([]byte, error) {
	e := c.entry(key, index)
	if e == nil {
		return render()
	}
	e.once.Do(func() {
		e.err = errUnrendered // stands if render panics
		defer c.settle(e)
		e.body, e.err = render()
	})
	return e.body, e.err
}

// entry returns the entry for key at index, a new one if need be, or nil if a later
// one is there already: the asker holds an old view.
func (c *bodyCache) entry(key string, index uint64) *rendered {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.entries[key]; at != nil {
		e := at.Value.(*rendered)
		switch {
		case e.index == index:
			c.hits++
			c.order.MoveToFront(at)
			return e
		case e.index > index:
			c.misses++
			return nil
		}
		c.drop(at)
	}
	c.misses++
	e := &rendered{key: key, index: index, size: len(key) + entryOverhead}
	c.entries[key] = c.order.PushFront(e)
	c.size += e.size
	c.shrink()
	return e
}

// settle counts what was rendered. Failures, and bodies that would drive out much else,
// are not kept.
func (c *bodyCache) settle(e *rendered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.entries[e.key]
	if at == nil || at.Value != e {
		return // driven out meanwhile
	}
	if e.err != nil || len(e.body) > c.limit/4 {
		c.drop(at)
		return
	}
	e.size += len(e.body)
	c.size += len(e.body)
	c.shrink()
}

func (c *bodyCache) shrink() {
	for c.size > c.limit && c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

func (c *bodyCache) drop(at *list.Element) {
	e := at.Value.(*rendered)
	c.order.Remove(at)
	delete(c.entries, e.key)
	c.size -= e.size
}

func (c *bodyCache) counts() (hits, misses uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, c.misses
}

// cacheKey joins what shapes an answer so that no two lists of parts make one key:
// names and tags come from clients and may hold anything.
func cacheKey(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p) + 4
	}
	key := make([]byte, 0, n)
	for _, p := range parts {
		key = strconv.AppendInt(key, int64(len(p)), 10)
		key = append(key, ':')
		key = append(key, p...)
	}
	return string(key)
}
