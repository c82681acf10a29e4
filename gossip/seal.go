package gossip

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/hashicorp/memberlist"

	"covey/gossip/replica"
)

// A sealed frame is
//
//	version (1) | mode (1) | nonce (12) | AES-GCM( sender (16) | frame ) | tag (16)
//
// with version, mode and the cluster's label as additional data, under any key of the
// keyring that serf uses. An open one, for clusters that chose to have no key, is
//
//	version (1) | mode (1) | SHA-256 of the label, first 8 bytes | sender (16) | frame
const (
	wireVersion = 1
	modeOpen    = 0
	modeSealed  = 1

	nonceSize = 12
	labelSize = 8
	idSize    = len(replica.ID{})

	// sealOverhead is the most that sealing adds to a frame.
	sealOverhead = 2 + nonceSize + idSize + 16
)

// Reasons for refusing a frame, by which they are counted.
var (
	errVersion   = errors.New("of another protocol version")
	errKey       = errors.New("sealed with a key that is not in the keyring, or changed on the way")
	errLabel     = errors.New("of another cluster")
	errPlain     = errors.New("not encrypted, though this agent requires it")
	errEncrypted = errors.New("encrypted, and this agent has no key")
	errShort     = errors.New("too short")
)

// sealer closes and opens frames. It is safe for concurrent use, and follows the
// keyring as it changes.
type sealer struct {
	self           replica.ID
	label          string
	labelSum       []byte
	keyring        *memberlist.Keyring // nil: no encryption
	verifyIncoming bool
	verifyOutgoing bool

	mu    sync.Mutex             // guards aeads
	aeads map[string]cipher.AEAD // by key
}

func newSealer(self replica.ID, label string, keyring *memberlist.Keyring, verifyIncoming, verifyOutgoing bool) *sealer {
	sum := sha256.Sum256([]byte(label))
	return &sealer{
		self: self, label: label, labelSum: sum[:labelSize], keyring: keyring,
		verifyIncoming: verifyIncoming, verifyOutgoing: verifyOutgoing,
		aeads: map[string]cipher.AEAD{},
	}
}

// seal appends the closed frame to dst.
func (s *sealer) seal(dst, frame []byte) ([]byte, error) {
	if s.keyring == nil || !s.verifyOutgoing {
		dst = append(dst, wireVersion, modeOpen)
		dst = append(dst, s.labelSum...)
		dst = append(dst, s.self[:]...)
		return append(dst, frame...), nil
	}
	aead, err := s.aead(s.keyring.GetPrimaryKey())
	if err != nil {
		return nil, err
	}
	dst = append(dst, wireVersion, modeSealed)
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: see crypto/rand
	dst = append(dst, nonce[:]...)
	plain := make([]byte, 0, idSize+len(frame))
	plain = append(append(plain, s.self[:]...), frame...)
	return aead.Seal(dst, nonce[:], plain, s.additional(modeSealed)), nil
}

// open returns the sender and the frame. The frame may lie in b or not.
func (s *sealer) open(b []byte) (from replica.ID, frame []byte, err error) {
	if len(b) < 2 {
		return from, nil, errShort
	}
	if b[0] != wireVersion {
		return from, nil, errVersion
	}
	mode, body := b[1], b[2:]
	switch mode {
	case modeOpen:
		if s.keyring != nil && s.verifyIncoming {
			return from, nil, errPlain
		}
		if len(body) < labelSize {
			return from, nil, errShort
		}
		if !bytes.Equal(body[:labelSize], s.labelSum) {
			return from, nil, errLabel
		}
		body = body[labelSize:]
	case modeSealed:
		if s.keyring == nil {
			return from, nil, errEncrypted
		}
		if body, err = s.unseal(body); err != nil {
			return from, nil, err
		}
	default:
		return from, nil, errVersion
	}
	if len(body) < idSize {
		return from, nil, errShort
	}
	return replica.ID(body[:idSize]), body[idSize:], nil
}

func (s *sealer) unseal(body []byte) ([]byte, error) {
	if len(body) < nonceSize {
		return nil, errShort
	}
	for _, key := range s.keyring.GetKeys() {
		aead, err := s.aead(key)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, body[:nonceSize], body[nonceSize:], s.additional(modeSealed)); err == nil {
			return plain, nil
		}
	}
	return nil, errKey
}

func (s *sealer) additional(mode byte) []byte {
	return append([]byte{magicPacket, wireVersion, mode}, s.label...)
}

// aead returns the cipher for a key. Old keys stay: a handful of ciphers.
func (s *sealer) aead(key []byte) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.aeads[string(key)]; a != nil {
		return a, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	s.aeads[string(key)] = a
	return a, nil
}
