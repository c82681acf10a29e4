//go:build !linux

package rig

import "os/exec"

// start starts cmd. Only Linux can tie its life to this process's.
func start(cmd *exec.Cmd) error { return cmd.Start() }
