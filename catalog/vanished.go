package catalog

import iradix "github.com/hashicorp/go-immutable-radix/v2"

// vanished is when names were last there that are not any more. Who watches a name that
// nobody bears must not be told of another's going, so each has an index of its own; the
// latest maxVanished of them, since names come and go without end where they are made up
// for one run.
type vanished struct {
	at   *iradix.Tree[uint64] // lower-case name -> index at which it went
	rest uint64               // index of all others; none of them went later
}

const maxVanished = 10_000

func nothingVanished(index uint64) vanished {
	return vanished{iradix.New[uint64](), index}
}

// index of a name that is not there: it is above any that the name had before.
func (v vanished) index(name []byte) uint64 {
	if at, ok := v.at.Get(name); ok {
		return at
	}
	return v.rest
}

// with returns v after names went at an index, and others came back.
func (v vanished) with(index uint64, gone, back []string) vanished {
	if len(gone) == 0 && len(back) == 0 {
		return v
	}
	txn := v.at.Txn()
	for _, name := range back {
		txn.Delete([]byte(name))
	}
	for _, name := range gone {
		txn.Insert([]byte(name), index)
	}
	at := txn.Commit()
	if at.Len() > maxVanished {
		return nothingVanished(index)
	}
	return vanished{at, v.rest}
}
