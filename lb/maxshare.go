package lb

// limitShare cuts weights so that none has more than the part share of their sum, and gives
// what was cut to the others in proportion. Where there are too few for that (fewer than
// 1/share have any weight) all that have any get the same. It returns the part of each
// that was left to it, relative to the sum that they all have.
func limitShare(weights []float64, share float64) {
	sum, some := 0.0, 0
	for _, w := range weights {
		sum += w
		if w > 0 {
			some++
		}
	}
	if share <= 0 || some == 0 {
		return
	}
	if float64(some)*share <= 1 {
		for i, w := range weights {
			if w > 0 {
				weights[i] = sum / float64(some)
			}
		}
		return
	}
	most := share * sum
	cut := make([]bool, len(weights))
	for {
		free, open := sum, 0.0
		for i, w := range weights {
			if cut[i] {
				free -= most
			} else {
				open += w
			}
		}
		again := false
		for i, w := range weights {
			if !cut[i] && open > 0 && w/open*free > most {
				cut[i], again = true, true
			}
		}
		if again {
			continue
		}
		for i, w := range weights {
			switch {
			case cut[i]:
				weights[i] = most
			case open > 0:
				weights[i] = w / open * free
			}
		}
		return
	}
}
