package journal_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"covey/internal/journal"
)

// BenchmarkAppend measures durable appends of 500-byte records on the disk that TMPDIR
// is on; ns/record is what one registration pays.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 64} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			l, _, err := journal.Open(filepath.Join(b.TempDir(), "log"), journal.Options{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			records := make([][]byte, batch)
			for i := range records {
				records[i] = bytes.Repeat([]byte{byte(i)}, 500)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Append(true, records...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/record")
		})
	}
}

// BenchmarkOpen measures the replay of 100,000 records of 500 bytes.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	l, _, err := journal.Open(path, journal.Options{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	const records = 100_000
	record := bytes.Repeat([]byte("r"), 500)
	if err := l.Compact(func(emit func([]byte) error) error {
		for range records {
			if err := emit(record); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(l.Size())
	l.Close()
	b.ReportAllocs()
	for b.Loop() {
		l, _, err := journal.Open(path, journal.Options{}, func([]byte) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
