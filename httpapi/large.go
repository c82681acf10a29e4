package httpapi

import (
	"runtime"
	"sync"
	"sync/atomic"

	"covey/internal/fault"
)

// largeAnswers keeps answers about much of the catalogue from taking all memory: an answer
// of megabytes stays in memory for as long as its client takes to read it, and making it
// takes several times as much. Those of one key and index are one, however many read it.
type largeAnswers struct {
	limit   int           // of bytes being sent at once
	makers  chan struct{} // holds as many as may render one at once
	queue   atomic.Int64  // who renders one, or waits to
	sending atomic.Int64  // bodies in sent, so that the others need no lock

	mu    sync.Mutex // guards what follows
	bytes int        // in sent
	sent  map[answerKey]*largeAnswer
}

// answerKey is what decides a body: see reading.
type answerKey struct {
	key   string
	index uint64
}

// largeAnswer is a body that somebody is being sent.
type largeAnswer struct {
	body    []byte
	readers int // at least one
}

const (
	// largeBody is from how many bytes on a body is one of these.
	largeBody = 256 << 10
	// maxLargeBytes is about what all of them may take; one alone may be larger.
	maxLargeBytes = 128 << 20
	// largeRead is from how many instances on a read waits for its turn to be rendered.
	largeRead = 2000
	// maxLargeQueue is how many may be waiting.
	maxLargeQueue = 64
)

func newLargeAnswers() *largeAnswers {
	return &largeAnswers{
		limit:  maxLargeBytes,
		makers: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)/2)),
		sent:   map[answerKey]*largeAnswer{},
	}
}

// render calls make when it is its turn. Small reads have none to wait for.
func (l *largeAnswers) render(instances func() int, make func() ([]byte, error)) ([]byte, error) {
	if instances == nil || instances() < largeRead {
		return make()
	}
	defer l.queue.Add(-1)
	if l.queue.Add(1) > maxLargeQueue {
		return nil, fault.New(fault.Unavailable, "%d large answers are being made already, as many as may; try again later, or ask for less", maxLargeQueue)
	}
	l.makers <- struct{}{}
	defer func() { <-l.makers }()
	return make()
}

// join returns the body for k if it is being sent to somebody; who gets one leaves.
func (l *largeAnswers) join(k answerKey) []byte {
	if l.sending.Load() == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.sent[k]
	if a == nil {
		return nil
	}
	a.readers++
	return a.body
}

// enter makes room for a body that is to be sent, and returns the one to send; who gets one
// leaves.
func (l *largeAnswers) enter(k answerKey, body []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.sent[k]; a != nil {
		a.readers++
		return a.body, nil
	}
	if l.bytes > 0 && l.bytes+len(body) > l.limit {
		return nil, fault.New(fault.Unavailable, "answers of %d MiB are being sent, as much as may be at once; try again later, or ask for less", l.bytes>>20)
	}
	l.sent[k] = &largeAnswer{body, 1}
	l.bytes += len(body)
	l.sending.Add(1)
	return body, nil
}

// leave is called when a body has been sent.
func (l *largeAnswers) leave(k answerKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.sent[k]
	if a.readers--; a.readers == 0 {
		delete(l.sent, k)
		l.bytes -= len(a.body)
		l.sending.Add(-1)
	}
}
