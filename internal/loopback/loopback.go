// Package loopback gives tests an address whose ports no other process takes.
package loopback

import (
	"fmt"
	"os"
	"runtime"
)

// Own is an address of this process's own, so that a port which was given back can be had
// again, and one that is free for TCP is free for UDP. Systems other than Linux have one
// address for all.
func Own() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>16&63, pid>>8&255, pid&255)
}
