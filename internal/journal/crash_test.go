package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"covey/internal/journal"
	"covey/internal/journal/journaltest"
)

const logPath = "data/agent.log"

// promise is what the log owes its caller about one record.
type promise int

const (
	durable promise = iota // acknowledged as durable: there whatever happens
	written                // acknowledged only: there unless the power was cut
	dropped                // acknowledged only, but a sync failed since: may be there
	refused                // not acknowledged, and the disk failed to obey: may be there
)

type owed struct {
	record []byte
	promise
}

// model is a log that cannot fail, and the promises of the real one.
type model struct {
	entries []owed
	next    uint64
}

func (m *model) record(r *rand.Rand) []byte {
	m.next++
	record := binary.BigEndian.AppendUint64(nil, m.next)
	for range r.IntN(3) * r.IntN(700) {
		record = append(record, byte(r.Uint32()))
	}
	return record
}

func (m *model) appended(records [][]byte, asked bool, err error) {
	switch {
	case err == nil && asked:
		m.settle(written, durable)
		m.add(records, durable)
	case err == nil:
		m.add(records, written)
	case errors.Is(err, journal.ErrSuspect), errors.Is(err, journaltest.ErrPowerCut):
		m.settle(written, dropped)
		m.add(records, refused)
	}
}

func (m *model) add(records [][]byte, p promise) {
	for _, record := range records {
		m.entries = append(m.entries, owed{record, p})
	}
}

func (m *model) settle(from, to promise) {
	for i := range m.entries {
		if m.entries[i].promise == from {
			m.entries[i].promise = to
		}
	}
}

// acknowledged is what a caller has in memory, and writes when it compacts.
func (m *model) acknowledged() []owed {
	return slices.DeleteFunc(slices.Clone(m.entries), func(o owed) bool { return o.promise == refused })
}

// check says how replayed breaks a promise, or takes it as the state from here on.
func (m *model) check(replayed [][]byte, powerCut bool) error {
	var present []owed
	for _, entry := range m.entries {
		switch at := len(present); {
		case at < len(replayed) && bytes.Equal(entry.record, replayed[at]):
			// What a failed sync left can be read until the power goes, and no sync
			// after it says whether it is on disk.
			if powerCut || entry.promise == written {
				entry.promise = durable
			}
			present = append(present, entry)
		case entry.promise == durable || entry.promise == written && !powerCut:
			return fmt.Errorf("record %x was promised and is lost", entry.record[:8])
		}
	}
	if at := len(present); at < len(replayed) {
		return fmt.Errorf("record %x was never appended, or is out of order", replayed[at])
	}
	m.entries = present
	return nil
}

func TestNoCrashBreaksAPromise(t *testing.T) {
	cases := 2500
	if testing.Short() {
		cases = 500
	}
	for seed := range uint64(cases) {
		if err := manyLives(seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// manyLives opens one log again and again, each life ending in a way of its own.
func manyLives(seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 1))
	disk := journaltest.NewDisk(seed)
	var m model
	powerCut, clean := false, true
	for life := range 5 {
		misfortune(r, disk)
		var replayed [][]byte
		l, recovery, err := journal.Open(logPath, journal.Options{FS: disk}, func(record []byte) error {
			replayed = append(replayed, bytes.Clone(record))
			return nil
		})
		if err == nil {
			if err := m.check(replayed, powerCut); err != nil {
				return fmt.Errorf("life %d: %w (%+v)", life, err, recovery)
			}
			if clean && !recovery.Intact() {
				return fmt.Errorf("life %d: a clean log needed repair: %+v", life, recovery)
			}
			powerCut, clean = false, true
			err = oneLife(r, l, &m)
		} else {
			m.settle(written, dropped) // it may have been a sync that failed
		}
		if cut := errors.Is(err, journaltest.ErrPowerCut); !cut && err == nil && r.IntN(2) == 0 {
			err = l.Close()
			m.appended(nil, true, err)
			clean = err == nil
			disk.Kill()
		} else if cut || r.IntN(3) == 0 {
			disk.Restart()
			powerCut, clean = true, false
		} else {
			clean = clean && err == nil
			disk.Kill()
		}
	}
	return nil
}

// misfortune arranges what will go wrong in one life.
func misfortune(r *rand.Rand, disk *journaltest.Disk) {
	disk.SetFault(nil)
	if r.IntN(4) > 0 {
		disk.CutPowerIn(1 + r.IntN(40))
	}
	if r.IntN(3) == 0 {
		dice := rand.New(rand.NewPCG(r.Uint64(), 2))
		disk.SetFault(func(op journaltest.Op, _ string) error {
			switch {
			case dice.IntN(12) > 0:
				return nil
			case op == journaltest.Sync || op == journaltest.SyncDir:
				return syscall.EIO
			default:
				return syscall.ENOSPC
			}
		})
	}
}

// oneLife uses the log until the power fails or it has had enough.
func oneLife(r *rand.Rand, l *journal.Log, m *model) (err error) {
	for range r.IntN(30) {
		if r.IntN(8) == 0 {
			err = compactTo(l, m)
		} else {
			records := make([][]byte, 1+r.IntN(5))
			for i := range records {
				records[i] = m.record(r)
			}
			asked := r.IntN(2) == 0
			err = l.Append(asked, records...)
			m.appended(records, asked, err)
		}
		if errors.Is(err, journaltest.ErrPowerCut) {
			return err
		}
	}
	return err
}

func compactTo(l *journal.Log, m *model) error {
	kept := m.acknowledged()
	err := l.Compact(func(emit func([]byte) error) error {
		for _, entry := range kept {
			if err := emit(entry.record); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		m.entries = kept
		m.settle(written, durable)
		m.settle(dropped, durable)
	}
	return err
}
