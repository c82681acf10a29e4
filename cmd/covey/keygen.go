package main

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/urfave/cli/v2"
)

// keyBytes makes AES-256 keys.
const keyBytes = 32

func keygenCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "keygen",
		Category: groupOther,
		Usage:    "print a new key for `covey agent --encrypt`",
		Description: `32 random bytes in base64. All agents of a cluster need the same one; keep it in a
file that only they can read, or in COVEY_ENCRYPT.`,
		Flags: []cli.Flag{jsonFlag()},
		Action: func(flags *cli.Context) error {
			if err := operands(flags, 0, 0); err != nil {
				return err
			}
			key := make([]byte, keyBytes)
			rand.Read(key) // never fails
			text := base64.StdEncoding.EncodeToString(key)
			if flags.Bool("json") {
				return sys.printJSON(struct{ Key string }{text})
			}
			sys.printf("%s\n", text)
			return nil
		},
	}
}
