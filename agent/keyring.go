package agent

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"covey/gossip"
	"covey/httpapi"
	"covey/internal/fault"
)

// keyringFile is the gossip keys after they were changed while the agents ran, in the
// data directory. It counts as long as the configuration names the same key as when it
// was written: another one there is the operator's latest word.
type keyringFile struct {
	Configured string   // SHA-256 of the configured key, in hex
	Keys       [][]byte // in base64; the one to seal with first
}

// keys returns the keys to begin with.
func (a *Agent) keys() ([][]byte, error) {
	configured := [][]byte{a.cfg.Encrypt}
	name := a.dir.file("keyring.json")
	if name == "" {
		return configured, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return configured, nil
	}
	var kept keyringFile
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the gossip keys that were set while the agents ran: %w; "+
			"restore %s, or remove it and configure the key that is in use", err, name)
	}
	if kept.Configured != digestOf(a.cfg.Encrypt) || len(kept.Keys) == 0 {
		a.log.Info("the configured gossip key is another one than when the keyring was kept: it counts", "file", name)
		return configured, nil
	}
	a.log.Info("the gossip keys are those that were set while the agents ran, not the configured one; configure the one in use", "file", name)
	return kept.Keys, nil
}

// saveKeys keeps the keys for the next start.
func (a *Agent) saveKeys(keys [][]byte) error {
	name := a.dir.file("keyring.json")
	if name == "" {
		return nil
	}
	text, err := json.Marshal(keyringFile{digestOf(a.cfg.Encrypt), keys})
	if err != nil {
		return err
	}
	return writeWhole(name, append(text, '\n'))
}

func digestOf(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}

// HasKey reports whether a key in base64 is in this agent's keyring.
func (a *Agent) HasKey(key string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && a.gossip.HasKey(raw)
}

// Keyring asks all agents for their gossip keys.
func (a *Agent) Keyring(context.Context) (httpapi.Keyring, error) {
	k, err := a.gossip.Keyring()
	return keyringOf(k), err
}

// ChangeKey has all agents install, use or remove a gossip key.
func (a *Agent) ChangeKey(_ context.Context, change, key string) (httpapi.Keyring, error) {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return httpapi.Keyring{}, fault.Field("Key", "it is no base64: %w", err)
	}
	k, err := a.gossip.ChangeKey(gossip.KeyChange(change), raw)
	if err == nil {
		a.log.Info("the gossip keys were changed on all agents", "change", change, "agents", k.Answered)
	}
	return keyringOf(k), err
}

func keyringOf(k gossip.Keyring) httpapi.Keyring {
	return httpapi.Keyring{Nodes: k.Nodes, Keys: k.Keys, Primary: k.Primary, Messages: k.Failed}
}
