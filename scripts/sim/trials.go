package main

import (
	"fmt"
	"strings"

	"covey/gossip/replicasim"
)

// trials runs random histories in each of which every fault happens, one after the
// other, and prints what each was.
func trials(count, nodes int) error {
	fmt.Printf("\n%d trials that begin with %d nodes: every fault in each, all promises checked after each thing that happens, and the same everywhere at the end.\n\n", count, nodes)
	for seed := range uint64(count) {
		trial, err := replicasim.NewTrial(seed+1, nodes)
		if err != nil {
			return err
		}
		if err := trial.Run(); err != nil {
			return fmt.Errorf("trial of seed %d with %d nodes: %w", seed+1, nodes, err)
		}
		if missing := trial.Missing(); len(missing) > 0 {
			return fmt.Errorf("trial of seed %d with %d nodes proves too little, it had none of: %s", seed+1, nodes, strings.Join(missing, ", "))
		}
		fmt.Println(trial)
	}
	return nil
}
