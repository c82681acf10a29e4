package replicasim

import "time"

// event is something that happens at a node: a frame arrives, or its timer fires.
type event struct {
	at    time.Duration
	order uint64 // breaks ties, so that every run is the same
	to    int32
	from  int32 // tickEvent or flushEvent instead of a sender
	frame []byte
}

const (
	tickEvent  int32 = -1
	flushEvent int32 = -2
	callEvent  int32 = -3 // frame is unused; to is an index into the world's calls
)

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// queue is a binary heap of events, the earliest first. It is written out because
// container/heap's interface calls are a third of a simulation's time.
type queue struct {
	heap  []event
	count uint64
}

func (q *queue) push(e event) {
	q.count++
	e.order = q.count
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !q.heap[i].before(&q.heap[parent]) {
			break
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *queue) pop() event {
	first := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{}
	q.heap = q.heap[:last]
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q.heap[child+1].before(&q.heap[child]) {
			child++
		}
		if !q.heap[child].before(&q.heap[i]) {
			break
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
	return first
}
