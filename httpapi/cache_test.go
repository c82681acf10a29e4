package httpapi

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestABodyIsRenderedOnceForAnIndex(t *testing.T) {
	c := newBodyCache(1 << 20)
	var rendered atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			body, err := c.get("k", 7, func() ([]byte, error) { rendered.Add(1); return []byte("seven"), nil })
			if string(body) != "seven" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
	wg.Wait()
	if rendered.Load() != 1 {
		t.Errorf("rendered %d times", rendered.Load())
	}
}

func TestALaterIndexReplacesABodyAndAnEarlierOneDoesNot(t *testing.T) {
	c := newBodyCache(1 << 20)
	at := func(index uint64) string {
		body, _ := c.get("k", index, func() ([]byte, error) { return fmt.Append(nil, index), nil })
		return string(body)
	}
	for _, index := range []uint64{5, 6, 5, 6} {
		if got := at(index); got != fmt.Sprint(index) {
			t.Errorf("at %d: %s", index, got)
		}
	}
	if hits, misses := c.counts(); hits != 1 || misses != 3 {
		t.Errorf("%d hits, %d misses", hits, misses)
	}
}

func TestFailuresAndPanicsAreNotKept(t *testing.T) {
	c := newBodyCache(1 << 20)
	if _, err := c.get("k", 1, func() ([]byte, error) { return nil, errDisk }); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		c.get("k", 1, func() ([]byte, error) { panic("a fault") })
	}()
	body, err := c.get("k", 1, func() ([]byte, error) { return []byte("ok"), nil })
	if string(body) != "ok" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestTheCacheStaysWithinItsLimit(t *testing.T) {
	const limit = 100_000
	c := newBodyCache(limit)
	for i := range 5000 {
		key := fmt.Sprint(rand.IntN(500))
		n := rand.IntN(limit / 3)
		body, err := c.get(key, uint64(i+1), func() ([]byte, error) { return make([]byte, n), nil })
		if len(body) != n || err != nil {
			t.Fatalf("got %d bytes, %v", len(body), err)
		}
		sum := 0
		for key, at := range c.entries {
			e := at.Value.(*rendered)
			sum += e.size
			if e.size != len(key)+len(e.body)+entryOverhead || len(e.body) > limit/4 {
				t.Fatalf("an entry of %d bytes counts %d", len(e.body), e.size)
			}
		}
		if sum != c.size || c.size > limit || c.order.Len() != len(c.entries) {
			t.Fatalf("size %d, in truth %d, limit %d", c.size, sum, limit)
		}
	}
}

func TestNoTwoListsOfPartsMakeOneKey(t *testing.T) {
	lists := [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"ab"}, {"a\x00b"}, {"1:a"}, {"a1:b"}, {"a", "1:b"}, {"11:a"},
		{strings.Repeat("a", 11)},
	}
	seen := map[string][]string{}
	for _, l := range lists {
		key := cacheKey(l...)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q share the key %q", l, other, key)
		}
		seen[key] = l
	}
}
