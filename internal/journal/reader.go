package journal

import (
	"encoding/binary"
	"fmt"
	"io"
)

// reader reads records at given offsets of a file, a block at a time. It never
// allocates more than the file is long, whatever a damaged length says.
type reader struct {
	src    io.ReaderAt
	size   int64
	buf    []byte // the bytes from offset at on
	at     int64
	effort int64 // bytes that next may still check in search of a record
}

const (
	readBlock = 64 << 10
	// searchEffort bounds the search behind damage to seconds. Real damage takes a tiny
	// part of it; a file made to look like records at every byte would take hours.
	searchEffort = 16 << 30
)

func newReader(src io.ReaderAt, size int64) *reader {
	return &reader{src: src, size: size, effort: searchEffort}
}

// view returns the n bytes at off, which must lie within the file. They are valid
// until the next call.
func (r *reader) view(off int64, n int) ([]byte, error) {
	if off < r.at || off+int64(n) > r.at+int64(len(r.buf)) {
		want := int(min(int64(n+readBlock), r.size-off))
		if cap(r.buf) < want {
			r.buf = make([]byte, want)
		}
		r.buf, r.at = r.buf[:want], off
		if got, err := r.src.ReadAt(r.buf, off); got < want {
			r.buf = r.buf[:0]
			return nil, fmt.Errorf("read %d bytes at offset %d: %w", want, off, err)
		}
	}
	from := off - r.at
	return r.buf[from : from+int64(n)], nil
}

// length returns what the record at off says its payload's length is, and whether a
// record of that length fits between off and the end of the file.
func (r *reader) length(off int64) (n int64, fits bool, err error) {
	if r.size-off < frameSize {
		return 0, false, nil
	}
	head, err := r.view(off, frameSize)
	if err != nil {
		return 0, false, err
	}
	n = int64(binary.LittleEndian.Uint32(head))
	return n, n <= payloadLimit && n <= r.size-off-frameSize, nil
}

// record returns the payload of the record at off, and false if there is no whole
// and undamaged one. The payload is valid until the next call.
func (r *reader) record(off int64) (payload []byte, ok bool, err error) {
	n, fits, err := r.length(off)
	if err != nil || !fits {
		return nil, false, err
	}
	frame, err := r.view(off, frameSize+int(n))
	if err != nil {
		return nil, false, err
	}
	payload = frame[frameSize:]
	return payload, binary.LittleEndian.Uint32(frame[4:]) == checksum(frame[:4], payload), nil
}

// next returns the offset of the first readable record after off, or the file's size.
// It tries every byte: what a damaged length says may leap over readable records.
func (r *reader) next(off int64) (int64, error) {
	for off++; r.size-off >= frameSize; off++ {
		n, fits, err := r.length(off)
		if err != nil {
			return off, err
		}
		if !fits {
			continue
		}
		if r.effort -= n; r.effort < 0 {
			break
		}
		if _, ok, err := r.record(off); ok || err != nil {
			return off, err
		}
	}
	return r.size, nil
}

// unfinished reports whether what stands at off, after which nothing is readable, is
// what an interrupted append leaves: a record that goes on beyond the end of the file,
// or a file that grew and was not filled.
func (r *reader) unfinished(off int64) (bool, error) {
	n, fits, err := r.length(off)
	if err != nil || r.effort < 0 { // without a full search nobody knows what follows
		return false, err
	}
	if !fits && n <= payloadLimit {
		return true, nil
	}
	for off < r.size {
		block, err := r.view(off, int(min(readBlock, r.size-off)))
		if err != nil {
			return false, err
		}
		for _, b := range block {
			if b != 0 {
				return false, nil
			}
		}
		off += int64(len(block))
	}
	return true, nil
}
