package replicasim

// Faults counts what really happened to frames, and how often a clock was set.
type Faults struct {
	Lost      int // on any link
	OneWay    int // lost on a link that is worse one way
	Doubled   int
	Reordered int // packets that overtook an earlier one on their link
	Cut       int
	Stalled   int // held up at a node that stood still
	ToDead    int
	ClocksSet int
}

// ByName returns the counts of frames by what befell them.
func (f *Faults) ByName() map[string]int {
	return map[string]int{
		"lost": f.Lost, "lost one way": f.OneWay, "doubled": f.Doubled, "overtaken": f.Reordered,
		"cut off": f.Cut, "held up": f.Stalled, "sent to the dead": f.ToDead,
	}
}
