package journal

import "fmt"

// survey is what reading a whole file found in it.
type survey struct {
	records      int
	readable     []span // runs of whole records, in order, the first at headerSize at the earliest
	damaged      int    // stretches that are no records
	damagedBytes int64
	tail         int64 // where an unfinished last record begins; the file's size if there is none
}

type span struct{ from, to int64 }

// readAll hands every readable record to replay, in order, and returns what else there
// is. A record is valid until replay returns. It stops at replay's first error.
func readAll(r *reader, replay func(record []byte) error) (survey, error) {
	found := survey{tail: r.size}
	for off := int64(headerSize); off < r.size; {
		payload, ok, err := r.record(off)
		if err != nil {
			return found, err
		}
		if !ok {
			if off, err = found.skip(r, off); err != nil {
				return found, err
			}
			continue
		}
		if err := replay(payload); err != nil {
			return found, fmt.Errorf("record %d at offset %d: %w", found.records, off, err)
		}
		off = found.keep(off, frameSize+int64(len(payload)))
	}
	return found, nil
}

// keep adds a readable record and returns where the next begins.
func (s *survey) keep(off, n int64) int64 {
	s.records++
	if last := len(s.readable) - 1; last >= 0 && s.readable[last].to == off {
		s.readable[last].to += n
	} else {
		s.readable = append(s.readable, span{off, off + n})
	}
	return off + n
}

// skip leaves out the unreadable stretch at off and returns where reading goes on.
func (s *survey) skip(r *reader, off int64) (int64, error) {
	next, err := r.next(off)
	if err != nil {
		return off, err
	}
	if next == r.size {
		torn, err := r.unfinished(off)
		if err != nil {
			return off, err
		}
		if torn {
			s.tail = off
			return next, nil
		}
	}
	s.damaged++
	s.damagedBytes += next - off
	return next, nil
}
