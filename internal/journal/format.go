package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The header is the magic and the format's version in the last byte.
const (
	magic      = "CoveyLg"
	version    = 1
	headerSize = len(magic) + 1
)

const frameSize = 8 // length and checksum

// payloadLimit is the longest payload the format has. It is no option, so that a log
// written under a larger Options.MaxRecord stays readable under a smaller one.
const payloadLimit = 16 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func header() []byte { return append([]byte(magic), version) }

// checkHeader says why a file that begins with head is not ours to write to, or nil.
func checkHeader(head []byte) error {
	switch {
	case bytes.Equal(head, header()):
		return nil
	case len(head) == 0:
		return fmt.Errorf("it is empty, and Covey never leaves a log so: something else emptied it")
	case len(head) == headerSize && string(head[:len(magic)]) == magic:
		return fmt.Errorf("it has format version %d and this release knows version %d only", head[len(magic)], version)
	default:
		return fmt.Errorf("it begins with %q and is no log of Covey's, or its first bytes are damaged", head)
	}
}

// appendFrame appends payload as a record.
func appendFrame(to, payload []byte) []byte {
	at := len(to)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(payload)))
	to = binary.LittleEndian.AppendUint32(to, checksum(to[at:at+4], payload))
	return append(to, payload...)
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}
