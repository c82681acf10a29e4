package journal

import (
	"bytes"
	"testing"
)

func TestASearchGivenUpCountsAsDamageNotAsAnUnfinishedTail(t *testing.T) {
	// Behind the header every fourth byte begins what could be a record of 256 bytes.
	data := append(header(), bytes.Repeat([]byte{0, 1, 0, 0}, 10_000)...)
	data = appendFrame(data, []byte("out of reach"))
	r := newReader(bytes.NewReader(data), int64(len(data)))
	r.effort = 100_000
	found, err := readAll(r, func(record []byte) error {
		t.Errorf("read %q", record)
		return nil
	})
	if err != nil || found.damaged != 1 || found.tail != r.size {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestReaderAllocatesNoMoreThanTheFileHolds(t *testing.T) {
	data := append(header(), 0, 0, 0xff, 0, 1, 2, 3, 4) // a payload of 16 MB, it says
	r := newReader(bytes.NewReader(data), int64(len(data)))
	if _, err := readAll(r, nil); err != nil {
		t.Fatal(err)
	}
	if cap(r.buf) > len(data) {
		t.Errorf("%d bytes allocated for a file of %d", cap(r.buf), len(data))
	}
}
